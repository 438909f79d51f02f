"""Every op. Importing this package installs the operators of tensors; an op's file is named after its family.

Families that few programs use load when one of their names is first asked for.
"""

from millstream.ops import array, control, math, nest, nn, printing, random
from millstream.util.export import provide, provide_names

provide("debugging", "millstream.ops.debugging")
provide_names("millstream.ops.debugging", "tf.Assert", "tf.assert_equal", "tf.assert_greater", "tf.assert_less", "tf.assert_rank")
provide_names("millstream.ops.array.slices", "tf.IndexedSlices")
