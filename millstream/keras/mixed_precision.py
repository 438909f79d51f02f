"""tf.keras.mixed_precision: in which dtype layers compute. Here that is float32; other global policies are refused."""

from typing import Any

from millstream.core.dtypes import as_dtype
from millstream.keras.backend.config import floatx
from millstream.util.export import export

_MIXED = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}


@export("tf.keras.mixed_precision.Policy")
class Policy:
    """The dtypes of a layer's computation and of its weights. Args: name, a dtype or "mixed_float16", "mixed_bfloat16".

    Raises: TypeError for a name that is no text; ValueError for an unknown one.
    >>> tf.keras.mixed_precision.Policy("mixed_float16").compute_dtype
    'float16'
    """

    def __init__(self, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"'name' must be a string, such as 'float32'; got {name!r}.")
        try:
            self._variable = "float32" if name in _MIXED else as_dtype(name).name
        except TypeError:
            told = ", ".join(_MIXED)
            raise ValueError(
                f"Cannot convert value {name!r} to a mixed precision Policy: it is a dtype's name, or one of {told}."
            ) from None
        self._name = name

    @property
    def name(self) -> str:
        """The name."""
        return self._name

    @property
    def variable_dtype(self) -> str:
        """The dtype of weights."""
        return self._variable

    @property
    def compute_dtype(self) -> str:
        """The dtype of inputs and outputs."""
        return _MIXED.get(self._name, self._variable)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {"name": self._name}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "Policy":
        """A policy of its configuration."""
        return cls(config["name"])

    def __repr__(self) -> str:
        return f'<Policy "{self._name}">'


@export("tf.keras.mixed_precision.global_policy")
def global_policy() -> Policy:
    """The policy of layers that are given none.

    >>> tf.keras.mixed_precision.global_policy()
    <Policy "float32">
    """
    return Policy(floatx())


@export("tf.keras.mixed_precision.set_global_policy")
def set_global_policy(policy: Any) -> None:
    """Set the policy of layers that are given none. Raises: ValueError for any but that of tf.keras.backend.floatx().

    >>> tf.keras.mixed_precision.set_global_policy("float32")
    """
    wanted = policy if isinstance(policy, Policy) else Policy(floatx() if policy is None else policy)
    if wanted.name != floatx():
        raise ValueError(
            f"Millstream computes in {floatx()}: the global policy {wanted.name!r} is not supported. Leave the call out; "
            "for another dtype everywhere, use tf.keras.backend.set_floatx."
        )
