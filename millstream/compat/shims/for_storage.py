"""h5py 3 and PyYAML 6: what reading a file took for granted."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from millstream.compat.shims.put_back import put_back

# Any, in this file: contents of files.


def patch_h5py(h5py: ModuleType) -> None:
    """dataset.value, all of the data (gone in 3.0)."""
    put_back(h5py.Dataset, {"value": property(lambda dataset: dataset[()])})


def patch_yaml(yaml: ModuleType) -> None:
    """yaml.load(stream) without a loader (an error since 6.0) reads plain data, and builds no objects."""
    load = yaml.load

    def load_with_default(stream: Any, Loader: Any = yaml.SafeLoader) -> Any:
        return load(stream, Loader)

    yaml.load = load_with_default  # type: ignore[attr-defined]
