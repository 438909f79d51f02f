"""scikit-learn: modules that moved, and arguments that were renamed."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

from millstream.compat.shims.put_back import put_back

# Any, in this file: arguments are handed on to scikit-learn.

# module that is gone -> the module that has its names now.
MOVED = {
    "sklearn.cross_validation": "sklearn.model_selection",
    "sklearn.datasets.base": "sklearn.datasets",
    "sklearn.datasets.samples_generator": "sklearn.datasets",
    "sklearn.ensemble.forest": "sklearn.ensemble",
    "sklearn.externals.joblib": "joblib",
    "sklearn.grid_search": "sklearn.model_selection",
    "sklearn.learning_curve": "sklearn.model_selection",
    "sklearn.linear_model.base": "sklearn.linear_model",
    "sklearn.metrics.classification": "sklearn.metrics",
    "sklearn.metrics.regression": "sklearn.metrics",
    "sklearn.neighbors.base": "sklearn.neighbors",
    "sklearn.preprocessing.data": "sklearn.preprocessing",
    "sklearn.preprocessing.label": "sklearn.preprocessing",
    "sklearn.svm.classes": "sklearn.svm",
    "sklearn.tree.tree": "sklearn.tree",
}


def moved(name: str) -> Callable[[], ModuleType]:
    """The module that has the names of `name` now."""
    return lambda: importlib.import_module(MOVED[name])


def patch_metrics(metrics: ModuleType) -> None:
    """mean_squared_error(squared=False) is root_mean_squared_error (1.6)."""
    mse = metrics.mean_squared_error

    @functools.wraps(mse)
    def mean_squared_error(*args: Any, squared: bool = True, **options: Any) -> Any:
        return (mse if squared else metrics.root_mean_squared_error)(*args, **options)

    metrics.mean_squared_error = mean_squared_error  # type: ignore[attr-defined]


def patch_preprocessing(preprocessing: ModuleType) -> None:
    """OneHotEncoder(sparse=False) (1.4), get_feature_names (1.2), Imputer (0.22)."""
    encoder = preprocessing.OneHotEncoder
    init = encoder.__init__

    @functools.wraps(init)
    def old_init(self: Any, *args: Any, **options: Any) -> None:
        if "sparse" in options:
            options["sparse_output"] = options.pop("sparse")
        options.pop("n_values", None)
        init(self, *args, **options)

    encoder.__init__ = old_init
    put_back(encoder, {"get_feature_names": lambda self, *a: self.get_feature_names_out(*a)})
    put_back(preprocessing, {"Imputer": _imputer})


def _imputer(missing_values: Any = "NaN", strategy: str = "mean", axis: int = 0, **options: Any) -> Any:
    """SimpleImputer, by its old name: columns only, 'NaN' as a word."""
    from sklearn.impute import SimpleImputer

    if axis != 0:
        raise ValueError("Imputer(axis=1) is gone from scikit-learn; transpose the data and use axis=0.")
    options.pop("verbose", None)
    return SimpleImputer(missing_values=float("nan") if missing_values == "NaN" else missing_values, strategy=strategy, **options)
