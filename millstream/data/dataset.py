"""tf.data.Dataset: the face of a source, with one method per step of a pipeline."""

import glob
from collections.abc import Callable
from typing import Any

import numpy as np

from millstream.core.dispatch import STATE, eagerly, wrap
from millstream.core.dtypes import as_dtype
from millstream.core.spec import TensorShape, TensorSpec
from millstream.core.tensor import Tensor, convert, refuse_in_graph
from millstream.data import grouping, mapping, nested, reordering, sources, specs
from millstream.data.iterators import Iterator, NumpyIterator
from millstream.data.options import Options
from millstream.data.source import Run, Source
from millstream.ops.random.seeds import next_seeds
from millstream.util.errors import invalid
from millstream.util.export import export, publish


@export("tf.data.Dataset")
class Dataset:
    """A sequence of elements (nested tensors), made anew at each pass; every method gives another data set.

    >>> data = tf.data.Dataset.from_tensor_slices(([1, 2, 3], [0, 1, 0])).batch(2)
    >>> for x, y in data:
    ...     print(x.numpy(), y.numpy())
    [1 2] [0 1]
    [3] [0]
    """

    def __init__(self, source: Source, options: Options | None = None) -> None:
        if not isinstance(source, Source):
            raise TypeError(f"Dataset is not made directly; got {type(source)}. Use Dataset.from_tensor_slices, from_generator, range, ...")
        self._source, self._options = source, options

    def _then(self, source: Source) -> "Dataset":
        return Dataset(source, self._options)

    # ------------------------------------------------------------------ Python's protocols
    def __iter__(self) -> Iterator:
        if STATE.trace is not None:
            refuse_in_graph("iterating over a tf.data.Dataset")
        return Iterator(self._source.begin(Run()), lambda: self.element_spec)

    def __len__(self) -> int:
        n = self._source.size()
        if n < 0:
            raise TypeError(f"dataset length is {'infinite' if n == specs.INFINITE else 'unknown'}.")
        return n

    def __bool__(self) -> bool:
        return True

    __nonzero__ = __bool__

    def __repr__(self) -> str:
        spec = self.element_spec
        return f"<{self._source.name} shapes: {nested.text_of(specs.shapes_of(spec))}, types: {nested.text_of(specs.types_of(spec))}>"

    # ------------------------------------------------------------------ what it is
    @property
    def element_spec(self) -> Any:
        """The nested specs of an element."""
        return self._source.spec

    def cardinality(self) -> Tensor:
        """The number of elements as an int64 scalar: tf.data.INFINITE_CARDINALITY and UNKNOWN_CARDINALITY where it is that.

        >>> int(tf.data.Dataset.range(7).batch(2).cardinality())
        4
        """
        return wrap(np.int64(self._source.size()))

    def options(self) -> Options:
        """The options in force."""
        return self._options or Options()

    def with_options(self, options: Options) -> "Dataset":
        """The same elements under these options, merged with those in force."""
        return Dataset(reordering.Named(self._source, "_OptionsDataset"), self.options().merge(options))

    def as_numpy_iterator(self) -> NumpyIterator:
        """Run through the elements as arrays and NumPy scalars.

        >>> [x.dtype.name for x in tf.data.Dataset.range(2).as_numpy_iterator()]
        ['int64', 'int64']
        """
        return NumpyIterator(iter(self))

    # ------------------------------------------------------------------ beginnings
    @staticmethod
    def from_tensors(tensors: Any) -> "Dataset":
        """One element."""
        return Dataset(sources.Whole(tensors))

    @staticmethod
    def from_tensor_slices(tensors: Any) -> "Dataset":
        """The rows of tensors. Raises: ValueError for scalars and for different numbers of rows."""
        return Dataset(sources.Slices(tensors))

    @staticmethod
    def from_generator(
        generator: Callable[..., Any], output_types: Any = None, output_shapes: Any = None, args: Any = None, output_signature: Any = None
    ) -> "Dataset":
        """What a generator yields; a new one is made for each pass, by calling `generator` with the args as arrays.

        Raises: TypeError without types; InvalidArgumentError, at the element, when one does not fit.
        >>> data = tf.data.Dataset.from_generator(lambda: iter([1, 2]), output_signature=tf.TensorSpec([], tf.int32))
        >>> [int(x) for x in data]
        [1, 2]
        """
        if not callable(generator):
            raise TypeError("`generator` must be callable.")
        if output_types is None and output_signature is None:
            raise TypeError("Either `output_signature` or `output_types` must be specified")
        if output_signature is not None and (output_types is not None or output_shapes is not None):
            raise TypeError("`output_types`/`output_shapes` and `output_signature` cannot be used together")
        spec = output_signature if output_signature is not None else _signature(output_types, output_shapes)
        for leaf in nested.flatten(spec):
            if not isinstance(leaf, TensorSpec):
                raise TypeError(f"`output_signature` must contain objects that are subclass of `tf.TypeSpec` but found {leaf!r}.")
        return Dataset(sources.Generated(generator, spec, tuple(convert(a).numpy() for a in args or ())))

    @staticmethod
    def range(*args: Any, **kwargs: Any) -> "Dataset":
        """Numbers as Python's range has them, int64 or `output_type`.

        >>> [int(x) for x in tf.data.Dataset.range(2, 9, 3)]
        [2, 5, 8]
        """
        dtype = as_dtype(kwargs.pop("output_type", "int64"))
        if kwargs or not 1 <= len(args) <= 3:
            raise ValueError(
                f"Dataset.range takes stop, or start and stop and perhaps step, and output_type; got {args} and {sorted(kwargs)}."
            )
        start, stop, step = (0, args[0], 1) if len(args) == 1 else (*args, 1)[:3]
        return Dataset(sources.Counting(int(start), int(stop), int(step), dtype))

    @staticmethod
    def zip(datasets: Any) -> "Dataset":
        """Elements of several data sets side by side, nested as these are, until the shortest ends.

        Raises: TypeError for anything but a nesting (no lists) of data sets.
        """
        leaves = nested.flatten(datasets)
        for leaf in leaves:
            if isinstance(leaf, list):
                raise TypeError(
                    "The argument to `Dataset.zip()` must be a nested structure of `Dataset` objects. Nested structures do not support Python lists; please use a tuple instead."
                )
            if not isinstance(leaf, Dataset):
                raise TypeError(f"The argument to `Dataset.zip()` must be a nested structure of `Dataset` objects; got {leaf!r}.")
        return Dataset(grouping.Zip(datasets, [d._source for d in leaves]), next((d._options for d in leaves if d._options), None))

    @staticmethod
    def list_files(file_pattern: Any, shuffle: bool | None = None, seed: int | None = None) -> "Dataset":
        """The names of files that match patterns, in random order unless shuffle=False.

        Raises: InvalidArgumentError when there are none.
        """
        patterns = [p.decode() if isinstance(p, bytes) else p for p in np.atleast_1d(convert(file_pattern).numpy()).tolist()]
        names = [n for p in patterns for n in sorted(glob.glob(p))]
        if not names:
            raise invalid(f"No files matched pattern: {', '.join(patterns)}")
        made = Dataset.from_tensor_slices(names)
        return made if shuffle is False else made.shuffle(len(names), seed)

    # ------------------------------------------------------------------ fewer, more, another order
    def take(self, count: Any) -> "Dataset":
        """The first elements; all for -1."""
        return self._then(reordering.Take(self._source, int(count)))

    def skip(self, count: Any) -> "Dataset":
        """All but the first elements; none for -1."""
        return self._then(reordering.Skip(self._source, int(count)))

    def shard(self, num_shards: Any, index: Any) -> "Dataset":
        """Every num_shards-th element. Raises: InvalidArgumentError when there is no such shard."""
        return self._then(reordering.Shard(self._source, int(num_shards), int(index)))

    def repeat(self, count: Any = None) -> "Dataset":
        """Several times over; without end for None or -1."""
        return self._then(reordering.Repeat(self._source, -1 if count is None else int(count)))

    def shuffle(self, buffer_size: Any, seed: Any = None, reshuffle_each_iteration: bool | None = None) -> "Dataset":
        """In random order: each element is chosen among the next `buffer_size`. The order is TensorFlow's for the same seeds.

        Raises: InvalidArgumentError for an empty buffer.
        >>> tf.random.set_seed(5)
        >>> [int(x) for x in tf.data.Dataset.range(5).shuffle(5, seed=3)]
        [3, 0, 4, 2, 1]
        """
        seeds = next_seeds(None if seed is None else int(seed))
        return self._then(reordering.Shuffle(self._source, int(buffer_size), seeds, reshuffle_each_iteration is not False))

    def cache(self, filename: Any = "") -> "Dataset":
        """The elements of the first complete pass, kept in memory for the next ones (a file's name is accepted, none is written)."""
        return self._then(reordering.Cache(self._source))

    def prefetch(self, buffer_size: Any) -> "Dataset":
        """The same elements."""
        return self._then(reordering.Named(self._source, "PrefetchDataset"))

    def enumerate(self, start: Any = 0) -> "Dataset":
        """Pairs of a number and an element."""
        counting = sources.Counting(int(start), None, 1, as_dtype("int64"))
        return self._then(grouping.Zip((0, 1), [counting, self._source]))

    def concatenate(self, dataset: "Dataset") -> "Dataset":
        """These elements, then the other's. Raises: TypeError when their types differ."""
        return self._then(grouping.Concatenate(self._source, dataset._source))

    # ------------------------------------------------------------------ put together, taken apart
    def batch(self, batch_size: Any, drop_remainder: Any = False) -> "Dataset":
        """Consecutive elements stacked. Raises: InvalidArgumentError for an empty batch, and for elements of different shapes."""
        return self._then(grouping.Batch(self._source, int(batch_size), bool(drop_remainder)))

    def padded_batch(
        self, batch_size: Any, padded_shapes: Any = None, padding_values: Any = None, drop_remainder: Any = False
    ) -> "Dataset":
        """Batches whose elements are padded to the given shapes, or to the batch's largest where sizes are None.

        >>> data = tf.data.Dataset.range(3).map(lambda n: tf.fill([n], n)).padded_batch(3)
        >>> next(iter(data)).numpy().tolist()
        [[0, 0], [1, 0], [2, 2]]
        """
        return self._then(grouping.PaddedBatch(self._source, int(batch_size), padded_shapes, padding_values, bool(drop_remainder)))

    def unbatch(self) -> "Dataset":
        """The rows of each element."""
        return self._then(grouping.Unbatch(self._source))

    def window(self, size: Any, shift: Any = None, stride: Any = 1, drop_remainder: Any = False) -> "Dataset":
        """Data sets of `size` elements each, beginning `shift` (default: size) apart.

        >>> windows = tf.data.Dataset.range(4).window(2, shift=1, drop_remainder=True)
        >>> [[int(x) for x in w] for w in windows]
        [[0, 1], [1, 2], [2, 3]]
        """
        apart = int(size) if shift is None else int(shift)
        source = grouping.Window(
            self._source, int(size), apart, int(stride), bool(drop_remainder), lambda spec, tensors: Dataset(grouping.Listed(spec, tensors))
        )
        return self._then(source)

    # ------------------------------------------------------------------ functions of elements
    def map(self, map_func: Callable[..., Any], num_parallel_calls: Any = None, deterministic: bool | None = None) -> "Dataset":
        """The function's results; a tuple's items are its arguments. It runs eagerly, in order.

        >>> [int(x) for x in tf.data.Dataset.range(3).map(lambda x: x * x)]
        [0, 1, 4]
        """
        return self._then(mapping.Map(self._source, map_func, stand_in, num_parallel_calls is not None))

    def filter(self, predicate: Callable[..., Any]) -> "Dataset":
        """The elements for which the function is true. Raises: ValueError, at the element, when it gives no bool scalar."""
        return self._then(mapping.Filter(self._source, predicate, stand_in))

    def flat_map(self, map_func: Callable[..., Any]) -> "Dataset":
        """The elements of the data sets that the function returns, one data set after the other."""
        return self._then(mapping.FlatMap(self._source, map_func, stand_in))

    def interleave(
        self,
        map_func: Callable[..., Any],
        cycle_length: Any = None,
        block_length: Any = None,
        num_parallel_calls: Any = None,
        deterministic: bool | None = None,
    ) -> "Dataset":
        """The elements of the data sets that the function returns, `block_length` at a time from `cycle_length` of them in turn.

        >>> data = tf.data.Dataset.range(2).interleave(lambda x: tf.data.Dataset.from_tensors(x).repeat(2), cycle_length=2)
        >>> [int(x) for x in data]
        [0, 1, 0, 1]
        """
        return self._then(mapping.Interleave(self._source, map_func, stand_in, cycle_length, block_length, num_parallel_calls is not None))

    def reduce(self, initial_state: Any, reduce_func: Callable[..., Any]) -> Any:
        """The last state of state = reduce_func(state, element).

        Raises: TypeError when the state changes its dtype.
        >>> int(tf.data.Dataset.range(5).reduce(np.int64(0), lambda total, x: total + x))
        10
        """
        if STATE.trace is not None:
            refuse_in_graph("reducing a tf.data.Dataset")
        with eagerly():
            return mapping.reduce(self._source, initial_state, reduce_func)

    def apply(self, transformation_func: Callable[["Dataset"], Any]) -> "Dataset":
        """What a function makes of this data set. Raises: TypeError when that is no data set."""
        made = transformation_func(self)
        if not isinstance(made, Dataset):
            raise TypeError(f"`transformation_func` must return a Dataset. Got {made}.")
        return made


class _NoElements(Source):
    """Stands for a data set of a spec while a function is traced."""

    name = "_VariantDataset"

    def __init__(self, spec: Any) -> None:
        self._spec = spec

    @property
    def spec(self) -> Any:
        """As given."""
        return self._spec


def stand_in(spec: Any) -> Dataset:
    """A data set of which only the spec is known."""
    return Dataset(_NoElements(spec.element_spec))


def _signature(types: Any, shapes: Any) -> Any:
    types = tuple(types) if isinstance(types, list) else types
    if shapes is None:
        return nested.map_leaves(lambda t: TensorSpec(None, as_dtype(t)), types)
    return nested.map_leaves(lambda t, s: TensorSpec(TensorShape(s), as_dtype(t)), types, shapes)


publish(Dataset, "tf.compat.v1.data.Dataset")
