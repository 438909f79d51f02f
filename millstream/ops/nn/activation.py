"""Activations of neural networks. Elementwise: float[...] -> same shape and dtype."""


from millstream.core.op import op
from millstream.core.samples import NUMBERS, unary
from millstream.core.tensor import convert
from millstream.ops.math.comparison import greater, where_else_zero
from millstream.ops.rules import Array, Namespace, same_as_input


@op("tf.nn.relu", samples=unary(-2, 2, NUMBERS))
def relu(xp: Namespace, features: Array) -> Array:
    """max(x, 0); the gradient at 0 is 0.

    >>> tf.nn.relu([-1.0, 2.0]).numpy().tolist()
    [0.0, 2.0]
    """
    return xp.maximum(features, features.dtype.type(0))


relu.infer(same_as_input)
relu.vjp(lambda g, out, x: where_else_zero(greater(out, convert(0, out.dtype)), g))
relu.scalar(lambda b, x: b.max(x, b.const(0, x)))


