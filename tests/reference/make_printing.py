"""Make printing.json: what TensorFlow 2.4 prints for tensors, variables, shapes, types and specs.

Run with the Python of an environment that holds TensorFlow 2.4.4 (NumPy 1.19):

    python make_printing.py

A case is an expression over `tf` and `np`, its `str` and its `repr`; those of FORMATTED are conversions
of a tensor (`'%f' % t`, `'{:.2f}'.format(t)`), whose result, or error, is stored.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf

HERE = Path(__file__).parent
TENSORS = """
tf.constant([1, 5], dtype=tf.int64)
tf.constant(3)
tf.constant(3.0)
tf.constant(0.1)
tf.constant(1/3)
tf.constant(1e10)
tf.constant(1e-10)
tf.constant(16777216.0)
tf.constant(123456.789)
tf.constant(float('nan'))
tf.constant(float('inf'))
tf.constant(-float('inf'))
tf.constant(-0.0)
tf.constant(2.5, tf.float64)
tf.constant(1/3, tf.float64)
tf.constant(1e22, tf.float64)
tf.constant(0.1, tf.float16)
tf.constant(0.1, tf.bfloat16)
tf.constant([0.1, 2.0], tf.bfloat16)
tf.constant(7, tf.int8)
tf.constant(7, tf.uint8)
tf.constant(-7, tf.int16)
tf.constant(7, tf.uint16)
tf.constant(7, tf.uint32)
tf.constant(7, tf.uint64)
tf.constant(True)
tf.constant([True, False])
tf.constant(1+2j)
tf.constant(1+2j, tf.complex64)
tf.constant([1+2j, 3.5-4j])
tf.constant('hello')
tf.constant(b'hello')
tf.constant('')
tf.constant("it's")
tf.constant('say "so"')
tf.constant('new\\nline')
tf.constant('中文')
tf.constant(b'\\xff\\x00')
tf.constant(['a', 'bc'])
tf.constant([['a', 'bc'], ['中', "d'e"]])
tf.constant([], tf.float32)
tf.zeros((0, 3))
tf.zeros((3, 0))
tf.zeros((2, 0, 3), tf.int32)
tf.constant([], tf.string)
tf.zeros((1,))
tf.zeros((1, 1))
tf.constant([1.0, 2.0, 3.0])
tf.constant([1.5, 2.25, 3.125])
tf.constant([0.1, 0.2, 0.3])
tf.constant([1e-5, 1.0, 1e5])
tf.constant([1e-8, 1.0, 1e8])
tf.constant([1.0, float('nan'), float('inf')])
tf.constant([[1, 2, 3], [4, 5, 6]])
tf.constant([[1.0, -2.0, 3.0], [40.0, 5.5, 6.0]])
tf.constant([[1, 2, 3], [4, 5, 6]], tf.float64)
tf.reshape(tf.range(8), (2, 2, 2))
tf.reshape(tf.range(24.0), (2, 3, 4))
tf.reshape(tf.range(16), (2, 2, 2, 2))
tf.range(100)
tf.range(1000)
tf.range(1001)
tf.range(5000.0)
tf.reshape(tf.range(3000), (60, 50))
tf.reshape(tf.range(3000.0), (10, 10, 30))
tf.zeros((32, 32))
tf.ones((2, 30))
tf.fill((2, 2), 0.5)
tf.linspace(0.0, 1.0, 11)
tf.constant([123456789, 1])
tf.constant([0.30000001, 1/3, 2/3])
tf.one_hot([0, 2], 3)
tf.nn.softmax([1.0, 2.0, 3.0])
tf.cast([1.9, -1.9], tf.int32)
tf.sequence_mask([1, 2])
tf.eye(2)
tf.constant([[True], [False]])
tf.constant(5) + 1
tf.square(3.0)
tf.constant([1, 2])[0]
tf.argmax([1, 9, 3])
tf.shape(tf.zeros((2, 3)))
tf.zeros([])
tf.constant(np.float64(0.1))
tf.constant(np.array([1, 2], np.int32))
tf.convert_to_tensor([[0.5]])
"""
VARIABLES = """
tf.Variable(1)
tf.Variable(1.0)
tf.Variable(5.0, name='w')
tf.Variable([1, 2, 3])
tf.Variable([[1.0, 2.0], [3.0, 4.0]])
tf.Variable(tf.constant(5, dtype=tf.float32))
tf.Variable([True, False])
tf.Variable('text')
tf.Variable(['a', 'b'], name='words')
tf.Variable(0.1, trainable=False)
tf.Variable(0.1, dtype=tf.float64)
tf.Variable(tf.zeros((0, 2)))
tf.Variable(tf.range(2000))
tf.Variable(1.0, shape=tf.TensorShape(None))
tf.Variable([1.0], shape=(None,))
tf.Variable(1.0).read_value()
tf.Variable(1.0) + 1
tf.Variable(1.0).assign_add(2.0)
"""
OTHERS = """
tf.TensorShape([2, 3])
tf.TensorShape([None, 3])
tf.TensorShape([])
tf.TensorShape([5])
tf.TensorShape(None)
tf.TensorShape([None, None])
tf.zeros((2, 3)).shape
tf.constant(1).shape
tf.zeros((2, 3)).shape[0]
tf.zeros((2, 3)).shape[:1]
tf.TensorShape([2, None]).as_list()
tf.zeros((2, 3)).get_shape()
tf.float32
tf.float64
tf.float16
tf.bfloat16
tf.int32
tf.int64
tf.uint8
tf.bool
tf.string
tf.complex64
tf.complex128
tf.resource
tf.variant
tf.qint8
tf.as_dtype('float32')
tf.as_dtype(np.int64)
tf.zeros(1).dtype
tf.float32.name
tf.float32.as_numpy_dtype
tf.float32.max
tf.float32.min
tf.int8.max
tf.float32.size
tf.float32.base_dtype
[tf.float32, tf.int64]
tf.TensorSpec((2, 3))
tf.TensorSpec((None, 3), tf.int32)
tf.TensorSpec((None,), tf.float64, name='x')
tf.TensorSpec(None)
tf.TensorSpec([], tf.string)
tf.TensorSpec.from_tensor(tf.zeros((2, 3)))
tf.IndexedSlices(tf.constant([[1.0, 2.0]]), tf.constant([0]))
tf.IndexedSlices(tf.constant([[1.0, 2.0]]), tf.constant([0]), tf.constant([3, 2]))
[tf.constant(1), tf.constant([2.0])]
(tf.constant(1),)
{'a': tf.constant(1)}
tf.zeros((2, 3)).device
tf.Variable(1.0, name='w').name
tf.Variable(1.0).name
tf.Variable([1.0]).shape
tf.Variable([1.0]).dtype
tf.constant([[1.0, 2.0]]).numpy()
tf.constant(1).numpy()
tf.constant('a').numpy()
tf.constant(['a']).numpy()
tf.constant(1.5).numpy().dtype
type(tf.constant(1).numpy())
type(tf.constant(1.5).numpy())
type(tf.constant('a').numpy())
type(tf.constant(True).numpy())
len(tf.zeros((4, 2)))
list(tf.constant([1, 2]))
[int(v) for v in tf.constant([1, 2])]
float(tf.constant(2.5))
int(tf.constant(2.5))
bool(tf.constant(0))
[10, 20, 30][tf.constant(1)]
round(tf.constant(2.567), 1)
np.array(tf.constant([1.0, 2.0]))
np.sum(tf.constant([1.0, 2.0]))
tf.constant(2.0) == 2.0
tf.constant([1, 2]) == tf.constant([1, 3])
tf.constant([1, 2]) != tf.constant([1, 3])
tf.constant([1, 2]) == 'a'
tf.constant(2.0) == None
tf.constant([1, 2]) is None
tf.Variable(2.0) == 2.0
tf.constant(7) / 2
tf.constant(7) // 2
tf.constant(-7) // 2
tf.constant(-7) % 3
tf.constant(7.5) // 2
tf.constant(2) ** 3
2 ** tf.constant(3)
-tf.constant(2)
abs(tf.constant(-2))
~tf.constant(True)
tf.constant(True) & False
tf.constant(6) & 3
tf.constant(1) < 2
1 - tf.constant([1, 2])
tf.constant([[1., 2.]]) @ tf.constant([[1.], [2.]])
np.array([1.0, 2.0], 'float32') * tf.constant([2.0, 3.0])
tf.constant([2.0, 3.0]) * np.array([1.0, 2.0])
tf.math.reduce_std([1.0, 2.0, 4.0])
tf.keras.losses.MeanSquaredError()(([1.0, 2.0]), ([1.0, 4.0]))
tf.constant([1, 2]).shape == (2,)
tf.constant([1, 2]).shape == [2]
tf.TensorShape([2, 3]) + [4]
tf.zeros((2, 3)).shape.ndims
tf.zeros((2, 3)).ndim
tf.zeros((2, 3)).shape.num_elements()
tf.executing_eagerly()
tf.is_tensor(tf.constant(1))
tf.is_tensor(np.zeros(1))
tf.__version__
"""
FORMATTED = """
'%f' % tf.constant(2.5)
'%s' % tf.constant(2.5)
'%d' % tf.constant(2)
'%.3f' % tf.Variable(2.5)
'%f' % tf.constant([2.5])
'%d' % tf.constant([2])
'%f' % tf.constant([2.5, 1.0])
'{}'.format(tf.constant(2.5))
'{:.2f}'.format(tf.constant(2.567))
'{:d}'.format(tf.constant(2))
'{:>10}'.format(tf.constant(2))
f'{tf.constant(2.5)}'
f'{tf.constant([1, 2])}'
f'{tf.constant(2.5):.1f}'
f'{tf.constant(2.5).numpy():.1f}'
'%s' % [tf.constant(1)]
float(tf.constant([2.5]))
int(tf.constant([2.5]))
float(tf.constant([2.5, 1.0]))
bool(tf.constant([1, 2]))
bool(tf.constant([1]))
bool(tf.constant(''))
bool(tf.constant([]))
len(tf.constant(1))
list(tf.constant(1))
hash(tf.constant(1))
hash(tf.Variable(1))
{tf.constant(1): 2}
range(tf.constant(3))
np.zeros(tf.constant(3))
[1] * tf.constant(3)
tf.constant([1, 2])[5]
tf.constant([1, 2])['a']
tf.constant([1, 2])[1.0]
tf.constant(1)[0]
tf.constant([1, 2]).foo
tf.constant([[1, 2], [3]])
tf.constant('a') + 'b'
tf.constant(['a', 'b']) + tf.constant(['c', 'd'])
"""


def outcome(expression: str) -> dict[str, str]:
    """{'str', 'repr'} of the expression's value, or {'error'}."""
    try:
        value = eval(expression, {"tf": tf, "np": np})
        return {"str": str(value), "repr": re.sub("0x[0-9a-f]+", "0x...", repr(value))}
    except Exception as e:
        return {"error": type(e).__name__, "message": str(e)}


def main() -> None:
    """Write printing.json: group -> list of cases."""
    groups = {"tensors": TENSORS, "variables": VARIABLES, "others": OTHERS, "formatted": FORMATTED}
    made = {g: [{"expression": line.strip(), **outcome(line.strip())} for line in text.strip().splitlines()] for g, text in groups.items()}
    (HERE / "printing.json").write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
