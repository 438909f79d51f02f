"""Make summary/: the text that TensorFlow 2.4 prints for `model.summary(...)`.

Run with the Python of an environment that holds TensorFlow 2.4.4:

    python make_summary.py

Each function is one case; its source goes into summary.json beside the text, so that a test can run the
same lines with `tf` bound to the implementation under test: they leave `model`, and `show` holds the
arguments of `summary`.
"""

from __future__ import annotations

import io
import json
import os
from contextlib import redirect_stdout
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf

HERE = Path(__file__).parent

CASES: dict[str, str] = {
    "sequential_input_shape": """
model = tf.keras.Sequential([tf.keras.layers.Dense(4, activation='relu', input_shape=(3,)), tf.keras.layers.Dense(2)])
""",
    "sequential_input_layer": """
model = tf.keras.Sequential([tf.keras.Input(shape=(28, 28)), tf.keras.layers.Flatten(), tf.keras.layers.Dense(128, activation='relu'),
                             tf.keras.layers.Dropout(0.2), tf.keras.layers.Dense(10, activation='softmax')])
""",
    "sequential_explicit_input_layer": """
model = tf.keras.Sequential([tf.keras.layers.InputLayer(input_shape=(5,)), tf.keras.layers.Dense(1)])
""",
    "sequential_batch_size": """
model = tf.keras.Sequential([tf.keras.layers.Dense(4, batch_input_shape=(8, 3))])
""",
    "sequential_input_dim": """
model = tf.keras.Sequential()
model.add(tf.keras.layers.Dense(4, input_dim=3))
model.add(tf.keras.layers.Activation('relu'))
model.add(tf.keras.layers.Dense(1))
""",
    "sequential_popped": """
model = tf.keras.Sequential([tf.keras.layers.Dense(4, input_shape=(3,)), tf.keras.layers.Dense(2)])
model.pop()
""",
    "sequential_built_by_build": """
model = tf.keras.Sequential([tf.keras.layers.Flatten(), tf.keras.layers.Dense(2)])
model.build((None, 4, 4))
""",
    "sequential_built_by_build_batch": """
model = tf.keras.Sequential([tf.keras.layers.Flatten(), tf.keras.layers.Dense(2)])
model.build((7, 4, 4))
""",
    "sequential_built_by_build_input_shape": """
model = tf.keras.Sequential([tf.keras.layers.Flatten(), tf.keras.layers.Dense(2)])
model.build(input_shape=(None, 4, 4))
""",
    "sequential_called": """
model = tf.keras.Sequential([tf.keras.layers.Dense(2)])
model(np.zeros((5, 3), 'float32'))
""",
    "iris_sequential_fit": """
model = tf.keras.models.Sequential([tf.keras.layers.Dense(3, activation='softmax', kernel_regularizer=tf.keras.regularizers.l2())])
model.compile('sgd', tf.keras.losses.SparseCategoricalCrossentropy(from_logits=False), metrics=['sparse_categorical_accuracy'])
model.fit(np.zeros((120, 4)), np.zeros(120, int), batch_size=32, epochs=1, validation_split=0.2, verbose=0)
""",
    "mnist_sequential_fit": """
model = tf.keras.models.Sequential([tf.keras.layers.Flatten(), tf.keras.layers.Dense(128, activation='relu'),
                                    tf.keras.layers.Dense(10, activation='softmax')])
model.compile('adam', tf.keras.losses.SparseCategoricalCrossentropy(from_logits=False), metrics=['sparse_categorical_accuracy'])
model.fit(np.zeros((64, 28, 28)), np.zeros(64, int), batch_size=32, epochs=1, verbose=0)
""",
    "mnist_sequential_fit_short_last_batch": """
model = tf.keras.models.Sequential([tf.keras.layers.Flatten(), tf.keras.layers.Dense(10, activation='softmax')])
model.compile('adam', 'sparse_categorical_crossentropy')
model.fit(np.zeros((50, 28, 28)), np.zeros(50, int), batch_size=32, epochs=1, verbose=0)
""",
    "mnist_sequential_predict": """
model = tf.keras.models.Sequential([tf.keras.layers.Flatten(), tf.keras.layers.Dense(10)])
model.predict(np.zeros((3, 28, 28)))
""",
    "mnist_sequential_fit_dataset": """
model = tf.keras.models.Sequential([tf.keras.layers.Flatten(), tf.keras.layers.Dense(10, activation='softmax')])
model.compile('adam', 'sparse_categorical_crossentropy')
model.fit(tf.data.Dataset.from_tensor_slices((np.zeros((50, 28, 28)), np.zeros(50, int))).batch(32), epochs=1, verbose=0)
""",
    "iris_class_fit": """
class IrisModel(tf.keras.Model):
    def __init__(self):
        super(IrisModel, self).__init__()
        self.d1 = tf.keras.layers.Dense(3, activation='softmax', kernel_regularizer=tf.keras.regularizers.l2())
    def call(self, x):
        return self.d1(x)
model = IrisModel()
model.compile('sgd', tf.keras.losses.SparseCategoricalCrossentropy(from_logits=False), metrics=['sparse_categorical_accuracy'])
model.fit(np.zeros((120, 4)), np.zeros(120, int), batch_size=32, epochs=1, validation_split=0.2, verbose=0)
""",
    "mnist_class_fit": """
class MnistModel(tf.keras.Model):
    def __init__(self):
        super(MnistModel, self).__init__()
        self.flatten = tf.keras.layers.Flatten()
        self.d1 = tf.keras.layers.Dense(128, activation='relu')
        self.d2 = tf.keras.layers.Dense(10, activation='softmax')
    def call(self, x):
        return self.d2(self.d1(self.flatten(x)))
model = MnistModel()
model.compile('adam', tf.keras.losses.SparseCategoricalCrossentropy(from_logits=False), metrics=['sparse_categorical_accuracy'])
model.fit(np.zeros((64, 28, 28)), np.zeros(64, int), batch_size=32, epochs=1, verbose=0)
""",
    "class_called": """
class Small(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.d1 = tf.keras.layers.Dense(3)
        self.drop = tf.keras.layers.Dropout(0.5)
        self.d2 = tf.keras.layers.Dense(1)
    def call(self, x, training=None):
        return self.d2(self.drop(self.d1(x), training=training))
model = Small()
model(np.zeros((2, 4), 'float32'))
""",
    "class_built_by_build": """
class Small(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.d1 = tf.keras.layers.Dense(3)
    def call(self, x):
        return self.d1(x)
model = Small()
model.build((None, 4))
""",
    "class_layers_called_twice": """
class Twice(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.d1 = tf.keras.layers.Dense(4)
        self.unused = tf.keras.layers.Dense(9)
    def call(self, x):
        return self.d1(self.d1(x))
model = Twice()
model(np.zeros((2, 4), 'float32'))
""",
    "class_nested": """
class Inner(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.d1 = tf.keras.layers.Dense(3)
    def call(self, x):
        return self.d1(x)
class Outer(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.inner = Inner()
        self.seq = tf.keras.Sequential([tf.keras.layers.Dense(5), tf.keras.layers.Dense(2)])
        self.blocks = [tf.keras.layers.Dense(1), tf.keras.layers.Dense(1)]
    def call(self, x):
        x = self.seq(self.inner(x))
        for block in self.blocks:
            x = block(x)
        return x
model = Outer()
model(np.zeros((2, 4), 'float32'))
""",
    "class_named": """
class Small(tf.keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.d1 = tf.keras.layers.Dense(3, name='first')
    def call(self, x):
        return self.d1(x)
model = Small(name='my_small')
model(np.zeros((2, 4), 'float32'))
""",
    "class_no_layers": """
class Bare(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.w = tf.Variable(tf.ones((3, 2)), name='w')
    def call(self, x):
        return x @ self.w
model = Bare()
model(np.zeros((2, 3), 'float32'))
""",
    "class_fit_then_predict": """
class Small(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.d1 = tf.keras.layers.Dense(3)
    def call(self, x):
        return self.d1(x)
model = Small()
model.compile('sgd', 'mse')
model.fit(np.zeros((8, 4)), np.zeros((8, 3)), batch_size=4, verbose=0)
model.predict(np.zeros((3, 4)))
""",
    "functional": """
i = tf.keras.Input(shape=(3,))
h = tf.keras.layers.Dense(4, activation='relu')(i)
model = tf.keras.Model(inputs=i, outputs=tf.keras.layers.Dense(2)(h))
""",
    "functional_named": """
i = tf.keras.Input(shape=(3,), name='pixels')
model = tf.keras.Model(i, tf.keras.layers.Dense(2, name='answer')(i), name='reader')
""",
    "functional_two_inputs_two_outputs": """
a = tf.keras.Input(shape=(3,), name='a')
b = tf.keras.Input(shape=(5,), name='b')
h = tf.keras.layers.concatenate([tf.keras.layers.Dense(4)(a), tf.keras.layers.Dense(4)(b)])
model = tf.keras.Model([a, b], [tf.keras.layers.Dense(1, name='left')(h), tf.keras.layers.Dense(2, name='right')(h)])
""",
    "functional_shared_layer": """
a = tf.keras.Input(shape=(3,))
b = tf.keras.Input(shape=(3,))
shared = tf.keras.layers.Dense(4)
model = tf.keras.Model([a, b], tf.keras.layers.add([shared(a), shared(b)]))
""",
    "functional_nested": """
inner = tf.keras.Sequential([tf.keras.layers.Dense(4, input_shape=(3,)), tf.keras.layers.Dense(2)], name='inner')
i = tf.keras.Input(shape=(3,))
model = tf.keras.Model(i, tf.keras.layers.Dense(1)(inner(i)))
""",
    "functional_nested_functional": """
a = tf.keras.Input(shape=(3,))
inner = tf.keras.Model(a, tf.keras.layers.Dense(4)(a))
i = tf.keras.Input(shape=(3,))
model = tf.keras.Model(i, tf.keras.layers.Dense(1)(inner(i)))
""",
    "functional_tf_ops": """
i = tf.keras.Input(shape=(3,))
h = tf.nn.relu(tf.keras.layers.Dense(4)(i)) * 2.0 + 1.0
model = tf.keras.Model(i, tf.reduce_mean(h, axis=1, keepdims=True))
""",
    "functional_more_tf_ops": """
i = tf.keras.Input(shape=(4, 3))
h = tf.reshape(i, (-1, 12)) - 0.5
h = tf.concat([h, tf.exp(-h)], axis=-1)
h = tf.matmul(h, tf.ones((24, 5)))
model = tf.keras.Model(i, tf.nn.softmax(h[:, 1:]) / 3.0)
""",
    "functional_scalar_input": """
i = tf.keras.Input(shape=())
model = tf.keras.Model(i, i + 1.0)
""",
    "functional_several_outputs_of_a_layer": """
class Two(tf.keras.layers.Layer):
    def call(self, x):
        return x + 1.0, x * 2.0
i = tf.keras.Input(shape=(3,))
model = tf.keras.Model(i, Two()(i))
""",
    "functional_dict_inputs": """
a = tf.keras.Input(shape=(3,), name='a')
b = tf.keras.Input(shape=(3,), name='b')
model = tf.keras.Model({'a': a, 'b': b}, tf.keras.layers.Dense(1)(a + b))
""",
    "functional_residual": """
i = tf.keras.Input(shape=(4,))
h = tf.keras.layers.Dense(4, activation='relu')(i)
h = tf.keras.layers.Add()([h, i])
model = tf.keras.Model(i, tf.keras.layers.Dense(1)(h))
""",
    "frozen_layer": """
model = tf.keras.Sequential([tf.keras.layers.Dense(4, input_shape=(3,), trainable=False), tf.keras.layers.Dense(2)])
""",
    "frozen_model": """
model = tf.keras.Sequential([tf.keras.layers.Dense(4, input_shape=(3,)), tf.keras.layers.Dense(2)])
model.trainable = False
""",
    "frozen_after_compile": """
model = tf.keras.Sequential([tf.keras.layers.Dense(4, input_shape=(3,)), tf.keras.layers.Dense(2)])
model.compile('sgd', 'mse')
model.layers[0].trainable = False
""",
    "batch_normalization": """
model = tf.keras.Sequential([tf.keras.layers.Dense(4, input_shape=(3,)), tf.keras.layers.BatchNormalization(), tf.keras.layers.Dense(2)])
""",
    "convolutions": """
model = tf.keras.Sequential([tf.keras.layers.Conv2D(6, 5, padding='same', input_shape=(32, 32, 3)), tf.keras.layers.BatchNormalization(),
                             tf.keras.layers.Activation('relu'), tf.keras.layers.MaxPool2D(2, 2, padding='same'), tf.keras.layers.Dropout(0.2),
                             tf.keras.layers.Flatten(), tf.keras.layers.Dense(128, activation='relu'), tf.keras.layers.Dense(10)])
""",
    "long_layer_names": """
model = tf.keras.Sequential([tf.keras.layers.Dense(4, input_shape=(3,), name='a_name_that_is_much_longer_than_its_column_allows'),
                             tf.keras.layers.Dense(2, name='exactly_twenty_nine_lett')])
""",
    "long_class_name": """
class AnExtremelyLongLayerClassName(tf.keras.layers.Dense):
    pass
model = tf.keras.Sequential([AnExtremelyLongLayerClassName(4, input_shape=(3,))])
""",
    "big_numbers": """
model = tf.keras.Sequential([tf.keras.layers.Dense(4096, input_shape=(9216,)), tf.keras.layers.Dense(1000)])
""",
    "named_sequential": """
model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(2,), name='only')], name='classifier')
""",
    "second_sequential": """
tf.keras.Sequential()
model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(2,)), tf.keras.layers.Dense(1), tf.keras.layers.Dense(1)])
""",
    "custom_layer_extra_weight": """
class Scale(tf.keras.layers.Layer):
    def build(self, shape):
        self.scale = self.add_weight('scale', shape=(shape[-1],), initializer='ones')
        self.count = self.add_weight('count', shape=(), initializer='zeros', trainable=False)
    def call(self, x):
        return x * self.scale
model = tf.keras.Sequential([tf.keras.layers.Dense(4, input_shape=(3,)), Scale()])
""",
    "empty_sequential_built": """
model = tf.keras.Sequential([tf.keras.Input(shape=(3,))])
""",
    "rank_zero_units": """
i = tf.keras.Input(shape=(None, 5))
model = tf.keras.Model(i, tf.keras.layers.Dense(3)(i))
""",
}
ARGUMENTS: dict[str, tuple[str, str]] = {
    "line_length_98": ("sequential_input_layer", "line_length=98"),
    "line_length_40": ("sequential_input_layer", "line_length=40"),
    "positions_relative": ("sequential_input_layer", "positions=[.5, .8, 1.]"),
    "line_length_and_positions": ("sequential_input_layer", "line_length=80, positions=[.3, .6, 1.]"),
    "positions_absolute": ("sequential_input_layer", "positions=[20, 40, 60]"),
    "functional_line_length": ("functional_two_inputs_two_outputs", "line_length=70"),
    "functional_positions": ("functional_two_inputs_two_outputs", "line_length=120, positions=[.2, .5, .7, 1.]"),
    "print_fn": ("sequential_input_shape", "print_fn=lambda line: print('>', line)"),
}


def text_of(code: str, arguments: str) -> tuple[str, str | None]:
    """The printed text, and the error when there is one."""
    tf.keras.backend.clear_session()
    scope = {"tf": tf, "np": np}
    exec(code, scope)
    out, error = io.StringIO(), None
    with redirect_stdout(out):
        try:
            eval(f"model.summary({arguments})", scope)
        except Exception as e:
            error = f"{type(e).__name__}: {e}"
    return out.getvalue(), error


UNBUILT: dict[str, str] = {
    "unbuilt_sequential": "\nmodel = tf.keras.Sequential([tf.keras.layers.Dense(1)])\n",
    "unbuilt_empty_sequential": "\nmodel = tf.keras.Sequential()\n",
    "unbuilt_class": CASES["iris_class_fit"].split("model.compile")[0],
}


def main() -> None:
    """Write summary.json: name -> code, arguments of summary, text, error."""
    rows = {name: (code, "") for name, code in {**CASES, **UNBUILT}.items()}
    rows.update({name: (CASES[case], arguments) for name, (case, arguments) in ARGUMENTS.items()})
    made = {}
    for name, (code, arguments) in rows.items():
        text, error = text_of(code, arguments)
        made[name] = {"code": code.lstrip("\n"), "arguments": arguments, "text": text, "error": error}
    (HERE / "summary.json").write_text(json.dumps(made, indent=1) + "\n")
    listing = "".join(
        f"#### {name}\n{m['code']}model.summary({m['arguments']})\n---- {m['error'] or 'prints'}\n{m['text']}\n" for name, m in made.items()
    )
    (HERE / "summary.txt").write_text(listing)


if __name__ == "__main__":
    main()
