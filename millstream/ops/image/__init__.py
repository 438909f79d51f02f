"""tf.image. Importing this package makes its functions known; images are [height, width, channels], or [batch, ...] of such."""

from millstream.ops.image import adjust, boxes, codec, colors, frames, measures, patches, randomly, resizing, sizes
