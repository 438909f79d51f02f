"""Every op. Importing this package installs the operators of tensors; an op's file is named after its family.

Families that few programs use load when one of their names is first asked for.
"""

from millstream.ops import control, members, nest, printing
from millstream.ops.array import creation, gather, indexing, join, sequence, shape, sorting
from millstream.ops.math import (
    arithmetic,
    bits,
    combine,
    comparison,
    complex_,
    exponential,
    reduce,
    rounding,
    safe,
    scan,
    statistics,
    trigonometric,
)  # fmt: skip
from millstream.ops.nn import activation, cross_entropy, dropout, embedding, matmul, normalization, products, softmax
from millstream.ops.random import draw, generator, stateless
from millstream.util.export import provide, provide_names

provide("debugging", "millstream.ops.debugging")
provide_names("millstream.ops.debugging", "tf.Assert", "tf.assert_equal", "tf.assert_greater", "tf.assert_less", "tf.assert_rank")
provide_names("millstream.ops.array.slices", "tf.IndexedSlices")
provide("image", "millstream.ops.image")
provide("io", "millstream.ops.parsing", "millstream.ops.image")
provide("lookup", "millstream.ops.lookup")
provide("ragged", "millstream.ops.ragged")
provide_names("millstream.ops.ragged", "tf.RaggedTensor")
provide("sparse", "millstream.ops.sparse")
provide_names("millstream.ops.sparse", "tf.SparseTensor")
provide("linalg", "millstream.ops.linalg")
provide_names("millstream.ops.linalg", "tf.eig", "tf.eigvals", "tf.matrix_square_root")
provide("math", "millstream.ops.math.counting", "millstream.ops.math.segment", "millstream.ops.math.special")
provide_names("millstream.ops.math.counting", "tf.histogram_fixed_width", "tf.histogram_fixed_width_bins", "tf.unravel_index")
provide_names("millstream.ops.math.segment", "tf.dynamic_partition", "tf.dynamic_stitch")
provide("nn", "millstream.ops.nn.space", "millstream.ops.nn.conv", "millstream.ops.nn.pool", "millstream.ops.math.counting")
for _space in ("io.gfile", "gfile", "compat.v1.gfile"):
    provide(_space, "millstream.ops.gfile")
provide("io", "millstream.ops.codecs", "millstream.ops.files")
provide("image", "millstream.ops.codecs")
provide("strings", "millstream.ops.strings", "millstream.ops.hashing")
provide_names("millstream.ops.strings", "tf.as_string")
provide_names(
    "millstream.ops.flow",
    *("tf.TensorArray", "tf.case", "tf.cond", "tf.foldl", "tf.foldr", "tf.map_fn"),
    *("tf.scan", "tf.switch_case", "tf.vectorized_map", "tf.while_loop"),
)
