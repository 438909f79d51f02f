"""tf.keras.preprocessing.image: pictures from files and arrays, changed at random."""

from millstream.keras.preprocessing.image import affine, array_iterator, changes, file_iterators, generator, iterator, pictures
