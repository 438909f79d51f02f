"""tf.io: files, and what stands in them."""

from millstream.ops.files import contents, parsing
