"""tf.data.experimental: functions that make or change data sets, most of them for `Dataset.apply`."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from millstream.core.dispatch import eagerly, wrap
from millstream.core.dtypes import as_dtype, int64
from millstream.core.spec import TensorSpec
from millstream.core.tensor import Tensor
from millstream.data import mapping, nested, reordering, sources, specs
from millstream.data.dataset import Dataset, stand_in
from millstream.data.functions import ElementFunction
from millstream.data.iterators import Iterator as DataIterator
from millstream.data.iterators import Optional
from millstream.data.source import Derived, Rows, Run, Source
from millstream.ops.random.seeds import next_seeds
from millstream.util.errors import FailedPreconditionError, OpError, invalid
from millstream.util.export import export

Change = Callable[[Dataset], Dataset]


class _Elementwise(Derived):
    """The source's elements through a Python generator."""

    def __init__(self, source: Source, name: str, through: Callable[[Iterator[Any]], Iterator[Any]], size: int | None = None) -> None:
        super().__init__(source)
        self.name, self.through, self._size = name, through, size

    def size(self) -> int:
        """As given, or the source's."""
        return self.source.size() if self._size is None else self._size

    def rows(self) -> Rows | None:
        """None."""
        return None

    def elements(self, run: Run) -> Iterator[Any]:
        """One pass."""
        return self.through(self.source.begin(run))


# ---------------------------------------------------------------------------------------------- sizes and single elements
@export("tf.data.experimental.cardinality")
def cardinality(dataset: Dataset) -> Tensor:
    """The number of elements as an int64 scalar.

    >>> int(tf.data.experimental.cardinality(tf.data.Dataset.range(7)))
    7
    """
    return dataset.cardinality()


@export("tf.data.experimental.assert_cardinality")
def assert_cardinality(expected_cardinality: Any) -> Change:
    """Say how many elements there are. Raises: FailedPreconditionError, while iterating, when there are more or fewer."""
    expected = int(expected_cardinality)

    def through(elements: Iterator[Any]) -> Iterator[Any]:
        seen = 0
        for x in elements:
            seen += 1
            if seen > expected >= 0:
                raise FailedPreconditionError(
                    None, None, f"Input dataset was expected to contain {expected} elements but contained at least {seen} elements."
                )
            yield x
        if seen < expected or expected == specs.INFINITE:
            raise FailedPreconditionError(
                None, None, f"Input dataset was expected to contain {expected} elements but contained only {seen} elements."
            )

    return lambda dataset: dataset._then(_Elementwise(dataset._source, "_AssertCardinalityDataset", through, expected))


@export("tf.data.experimental.get_single_element")
def get_single_element(dataset: Dataset) -> Any:
    """The only element. Raises: InvalidArgumentError when there is none, or more than one.

    >>> int(tf.data.experimental.get_single_element(tf.data.Dataset.range(1)))
    0
    """
    found = list(dataset.take(2))
    if len(found) != 1:
        raise invalid("Dataset was empty." if not found else "Dataset had more than one element.")
    return found[0]


@export("tf.data.experimental.get_structure")
def get_structure(dataset_or_iterator: Any) -> Any:
    """The nested specs of an element."""
    return dataset_or_iterator.element_spec


@export("tf.data.experimental.get_next_as_optional")
def get_next_as_optional(iterator: DataIterator) -> Optional:
    """The next element, or an Optional without value."""
    return iterator.get_next_as_optional()


@export("tf.compat.v1.data.make_one_shot_iterator")
def make_one_shot_iterator(dataset: Dataset) -> DataIterator:
    """An iterator over a data set.

    >>> int(tf.compat.v1.data.make_one_shot_iterator(tf.data.Dataset.range(3)).get_next())
    0
    """
    return iter(dataset)


@export("tf.compat.v1.data.make_initializable_iterator")
def make_initializable_iterator(dataset: Dataset, shared_name: str | None = None) -> Any:
    """Raises: RuntimeError: such iterators belong to sessions."""
    raise RuntimeError(
        "dataset.make_initializable_iterator is not supported when eager execution is enabled. Use `for element in dataset` instead."
    )


# ---------------------------------------------------------------------------------------------- beginnings
@export("tf.data.experimental.Counter")
def counter(start: Any = 0, step: Any = 1, dtype: Any = int64) -> Dataset:
    """start, start + step, ... without end.

    >>> [int(x) for x in tf.data.experimental.Counter(5, 2).take(3)]
    [5, 7, 9]
    """
    source = sources.Counting(int(start), None, int(step), as_dtype(dtype))
    source.name = "_ScanDataset"
    return Dataset(source)


class _Random(Source):
    """The 64-bit words' lower halves of a stream, as int64 scalars."""

    name = "RandomDataset"

    def __init__(self, seeds: tuple[int, int]) -> None:
        self.seeds = seeds

    @property
    def spec(self) -> Any:
        """An int64 scalar."""
        return TensorSpec([], int64)

    def size(self) -> int:
        """Infinite."""
        return specs.INFINITE

    def elements(self, run: Run) -> Iterator[Any]:
        """One pass."""
        words = reordering.Words(*self.seeds)
        while True:
            yield wrap(np.int64(words.take(1)[0]))


@export("tf.data.experimental.RandomDataset")
class RandomDataset(Dataset):
    """Random whole numbers in [0, 2**32), without end."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(_Random(next_seeds(seed)))


class _Directed(Source):
    """Elements of several sources, each time of the one that a choice names, until that one or the choices end."""

    name = "_DirectedInterleaveDataset"

    def __init__(self, choices: Callable[[], Iterator[int]], datasets: Sequence[Dataset]) -> None:
        if not datasets:
            raise ValueError("`datasets` must be a non-empty list of `tf.data.Dataset` objects.")
        self.choices, self.datasets = choices, list(datasets)

    @property
    def spec(self) -> Any:
        """What covers all."""
        found = self.datasets[0].element_spec
        for d in self.datasets[1:]:
            found = specs.covering(found, d.element_spec)
        return found

    def elements(self, run: Run) -> Iterator[Any]:
        """One pass; data sets that have ended are passed over."""
        open_ones: list[Iterator[Any] | None] = [d._source.begin(run) for d in self.datasets]
        for choice in self.choices():
            if not 0 <= choice < len(open_ones):
                raise invalid(f"Selector index out of range: {choice} >= {len(open_ones)}")
            one = open_ones[choice]
            x = _END if one is None else next(one, _END)
            if x is not _END:
                yield x
                continue
            open_ones[choice] = None
            if all(o is None for o in open_ones):
                return


_END = object()


@export("tf.data.experimental.choose_from_datasets")
def choose_from_datasets(datasets: Sequence[Dataset], choice_dataset: Dataset) -> Dataset:
    """Elements of several data sets, in the order of the numbers that another one gives."""
    return Dataset(_Directed(lambda: (int(i) for i in choice_dataset._source), datasets))


@export("tf.data.experimental.sample_from_datasets")
def sample_from_datasets(datasets: Sequence[Dataset], weights: Any = None, seed: int | None = None) -> Dataset:
    """Elements of several data sets, each time of one chosen at random with these weights (equal by default)."""
    given = np.ones(len(datasets)) if weights is None else np.asarray(weights, np.float64)
    if len(given) != len(datasets):
        raise ValueError(f"`weights` must have one number per data set: expected {len(datasets)}, got {len(given)}.")
    edges, seeds = np.cumsum(given / given.sum()), next_seeds(seed)

    def choices() -> Iterator[int]:
        words = reordering.Words(*seeds)
        while True:
            yield min(int(np.searchsorted(edges, words.take(1)[0] / 2**32, "right")), len(edges) - 1)

    return Dataset(_Directed(choices, datasets))


# ---------------------------------------------------------------------------------------------- changes
@export("tf.data.experimental.unique")
def unique() -> Change:
    """Each element once, where it comes first."""

    def through(elements: Iterator[Any]) -> Iterator[Any]:
        seen: set[Any] = set()
        for x in elements:
            value = x._array[()] if not x.ndim else x._array.tobytes()
            if value not in seen:
                seen.add(value)
                yield x

    return lambda dataset: dataset._then(_Elementwise(dataset._source, "_UniqueDataset", through, specs.UNKNOWN))


@export("tf.data.experimental.ignore_errors")
def ignore_errors(log_warning: bool = False) -> Change:
    """Leave out the elements that cannot be made."""

    def through(elements: Iterator[Any]) -> Iterator[Any]:
        while True:
            try:
                x = next(elements, _END)
            except (OpError, ValueError, TypeError):
                continue
            if x is _END:
                return
            yield x

    return lambda dataset: dataset._then(_Elementwise(dataset._source, "_IgnoreErrorsDataset", through))


@export("tf.data.experimental.scan")
def scan(initial_state: Any, scan_func: Callable[..., Any]) -> Change:
    """What (state, element) -> (next state, output) puts out.

    >>> sums = tf.data.Dataset.range(4).apply(tf.data.experimental.scan(np.int64(0), lambda s, x: (s + x, s + x)))
    >>> [int(x) for x in sums]
    [0, 1, 3, 6]
    """
    return lambda dataset: dataset._then(mapping.Scan(dataset._source, initial_state, scan_func, stand_in))


@export("tf.data.experimental.take_while")
def take_while(predicate: Callable[..., Any]) -> Change:
    """The elements up to the first for which the function is false."""
    return lambda dataset: dataset._then(mapping.TakeWhile(dataset._source, predicate, stand_in))


@export("tf.data.experimental.unbatch")
def unbatch() -> Change:
    """The rows of each element."""
    return lambda dataset: dataset.unbatch()


@export("tf.data.experimental.enumerate_dataset")
def enumerate_dataset(start: Any = 0) -> Change:
    """Pairs of a number and an element."""
    return lambda dataset: dataset.enumerate(start)


@export("tf.data.experimental.shuffle_and_repeat")
def shuffle_and_repeat(buffer_size: Any, count: Any = None, seed: Any = None) -> Change:
    """In random order, several times over."""
    return lambda dataset: dataset.shuffle(buffer_size, seed).repeat(count)


@export("tf.data.experimental.map_and_batch")
def map_and_batch(
    map_func: Callable[..., Any],
    batch_size: Any,
    num_parallel_batches: Any = None,
    drop_remainder: Any = False,
    num_parallel_calls: Any = None,
) -> Change:
    """Batches of the function's results."""
    return lambda dataset: dataset.map(map_func, num_parallel_calls).batch(batch_size, drop_remainder)


@export("tf.data.experimental.parallel_interleave")
def parallel_interleave(
    map_func: Callable[..., Any],
    cycle_length: Any,
    block_length: Any = 1,
    sloppy: Any = False,
    buffer_output_elements: Any = None,
    prefetch_input_elements: Any = None,
) -> Change:
    """Elements of the data sets that a function returns, of some in turn."""
    return lambda dataset: dataset.interleave(map_func, cycle_length, block_length, 2)


@export("tf.data.experimental.prefetch_to_device")
def prefetch_to_device(device: str, buffer_size: Any = None) -> Change:
    """The same elements: there is one device."""
    return lambda dataset: dataset.prefetch(buffer_size)


@export("tf.data.experimental.copy_to_device")
def copy_to_device(target_device: str, source_device: str = "/cpu:0") -> Change:
    """The same elements: there is one device."""
    return lambda dataset: dataset


@export("tf.data.experimental.group_by_window")
def group_by_window(
    key_func: Callable[..., Any], reduce_func: Callable[[Any, Dataset], Dataset], window_size: Any = None, window_size_func: Any = None
) -> Change:
    """Elements collected by key; each `window_size` of one key (and in the end what is left) become what reduce_func(key, data set) holds."""
    if (window_size is None) == (window_size_func is None):
        raise ValueError("Must pass either window_size or window_size_func.")

    def change(dataset: Dataset) -> Dataset:
        spec = dataset.element_spec

        def window(key: int, group: list[Any]) -> Iterator[Any]:
            return iter(reduce_func(wrap(np.int64(key)), Dataset(_Kept(spec, group)))._source)

        def through(elements: Iterator[Any]) -> Iterator[Any]:
            key_of = ElementFunction(key_func).begin()
            groups: dict[int, list[Any]] = {}
            for x in elements:
                key = int(key_of(x))
                size = int(window_size if window_size_func is None else window_size_func(wrap(np.int64(key))))
                group = groups.setdefault(key, [])
                group.append(x)
                if len(group) == size:
                    yield from window(key, groups.pop(key))
            for key, group in groups.items():
                yield from window(key, group)

        source = _Elementwise(dataset._source, "_GroupByWindowDataset", through, specs.UNKNOWN)
        return Dataset(_WithSpec(source, lambda: reduce_func(wrap(np.int64(0)), stand_in(specs.DatasetSpec(spec))).element_spec))

    return change


class _WithSpec(Derived):
    """A source with another spec, found out when it is asked for."""

    def __init__(self, source: Source, spec: Callable[[], Any]) -> None:
        super().__init__(source)
        self.name, self._find = source.name, spec

    @property
    def spec(self) -> Any:
        """The other spec."""
        with eagerly():
            return self._find()


class _Kept(Source):
    """Elements that are there already."""

    name = "_VariantDataset"

    def __init__(self, spec: Any, kept: list[Any]) -> None:
        self._spec, self.kept = spec, kept

    @property
    def spec(self) -> Any:
        """As given."""
        return self._spec

    def elements(self, run: Run) -> Iterator[Any]:
        """The elements."""
        return iter(self.kept)


@export("tf.data.experimental.bucket_by_sequence_length")
def bucket_by_sequence_length(
    element_length_func: Callable[..., Any], bucket_boundaries: Sequence[int], bucket_batch_sizes: Sequence[int], padded_shapes: Any = None, padding_values: Any = None,
    pad_to_bucket_boundary: bool = False, no_padding: bool = False, drop_remainder: bool = False,
) -> Change:  # fmt: skip
    """Batches of elements of similar length: bucket i holds lengths below boundary i, the last one the rest."""
    if len(bucket_batch_sizes) != len(bucket_boundaries) + 1:
        raise ValueError(
            f"len(bucket_batch_sizes) must equal len(bucket_boundaries) + 1; got {len(bucket_batch_sizes)} and {len(bucket_boundaries)}."
        )

    def bucket(*element: Any) -> Any:
        length = int(element_length_func(*element))
        return wrap(np.int64(np.searchsorted(np.asarray(bucket_boundaries), length, "right")))

    def batch(key: Any, group: Dataset) -> Dataset:
        size = bucket_batch_sizes[int(key)]
        if no_padding:
            return group.batch(size, drop_remainder)
        shapes = padded_shapes
        if pad_to_bucket_boundary:
            if int(key) == len(bucket_boundaries):
                raise invalid(
                    f"When pad_to_bucket_boundary=True, elements must have length < max(bucket_boundaries) = {bucket_boundaries[-1]}."
                )
            known = shapes if shapes is not None else specs.shapes_of(group.element_spec)
            shapes = nested.map_leaves(lambda s: [bucket_boundaries[int(key)] - 1 if n is None else n for n in s], known)
        return group.padded_batch(size, shapes, padding_values, drop_remainder)

    return group_by_window(bucket, batch, window_size_func=lambda key: bucket_batch_sizes[int(key)])
