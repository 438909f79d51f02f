"""Every op. Importing this package installs the operators of tensors; an op's file is named after its family."""

from millstream.ops import array, math, nn, random
