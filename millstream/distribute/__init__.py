"""tf.distribute on one machine with one device: every strategy has one replica, and what runs under it runs here."""

from millstream.distribute import strategies
