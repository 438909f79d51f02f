"""Input and InputLayer: where a model begins."""

from typing import Any

from millstream.core.dtypes import as_dtype
from millstream.core.tensor import Tensor
from millstream.keras.backend.config import floatx
from millstream.keras.backend.names import unique_object_name
from millstream.keras.layers.base import Layer
from millstream.keras.layers.keras_tensor import KerasTensor, Node
from millstream.util.export import export


@export("tf.keras.layers.InputLayer")
class InputLayer(Layer):
    """The layer that an input of a model is. Args: input_shape without the batch; batch_size; dtype; name; batch_input_shape.

    Raises: ValueError when the shape is said twice.
    """

    sparse: bool
    ragged: bool

    def __init__(
        self, input_shape: Any = None, batch_size: int | None = None, dtype: Any = None, input_tensor: Any = None, sparse: bool | None = None,
        name: str | None = None, ragged: bool | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        batch_shape = kwargs.pop("batch_input_shape", kwargs.pop("batch_shape", None))
        if batch_shape is not None and input_shape is not None:
            raise ValueError("Only provide the input_shape OR batch_input_shape argument to InputLayer, not both at the same time.")
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments: {list(kwargs)}")
        if batch_shape is None:
            sizes = () if input_shape is None else tuple(input_shape) if isinstance(input_shape, (tuple, list)) else (input_shape,)
            batch_shape = (batch_size, *sizes)
        if input_tensor is not None:
            batch_shape, dtype = tuple(input_tensor.shape), dtype or input_tensor.dtype
        super().__init__(dtype=as_dtype(dtype or floatx()), name=name or unique_object_name("input"))
        vars(self).update(
            _batch_input_shape=tuple(batch_shape), built=True, supports_masking=True, sparse=bool(sparse), ragged=bool(ragged)
        )
        made = KerasTensor(batch_shape, self._dtype, self.name)
        Node(self, (), {}, made)

    @property
    def is_placeholder(self) -> bool:
        """Whether values come in here: always."""
        return True

    @property
    def output_shape(self) -> Any:
        """The shape, in a list, as Keras has it for inputs."""
        return [tuple(self._batch_input_shape)]

    input_shape = output_shape

    def get_config(self) -> dict[str, Any]:
        """Shape, dtype and name."""
        return {
            "batch_input_shape": self._batch_input_shape,
            "dtype": self.dtype,
            "sparse": self.sparse,
            "ragged": self.ragged,
            "name": self.name,
        }


@export("tf.keras.Input", "tf.keras.layers.Input")
def Input(  # noqa: N802  (TensorFlow's name)
    shape: Any = None, batch_size: int | None = None, name: str | None = None, dtype: Any = None, sparse: bool | None = None,
    tensor: Any = None, ragged: bool | None = None, **kwargs: Any,
) -> Any:  # fmt: skip
    """A Keras tensor to build a functional model on. `shape` leaves the batch out; None stands for sizes that vary.

    Raises: ValueError when no shape is given, or two.
    >>> tf.keras.Input(shape=(28, 28), name="pixels")
    <KerasTensor: shape=(None, 28, 28) dtype=float32 (created by layer 'pixels')>
    """
    if sparse or ragged:
        raise ValueError("Input(sparse=True) and Input(ragged=True) are not supported; give dense arrays, padded to one length.")
    batch_shape = kwargs.pop("batch_shape", None)
    if kwargs:
        raise ValueError(f"Unrecognized keyword arguments: {list(kwargs)}")
    if shape is not None and batch_shape is not None:
        raise ValueError("Only provide the `shape` OR `batch_shape` argument to Input, not both at the same time.")
    if shape is None and batch_shape is None and tensor is None:
        raise ValueError(
            "Please provide to Input either a `shape` or a `tensor` argument. Note that `shape` does not include the batch dimension."
        )
    if isinstance(tensor, KerasTensor):
        return tensor
    if batch_shape is not None:
        layer = InputLayer(batch_input_shape=tuple(batch_shape), dtype=dtype, name=name)
    else:
        layer = InputLayer(
            input_shape=shape, batch_size=batch_size, dtype=dtype, name=name, input_tensor=tensor if isinstance(tensor, Tensor) else None
        )
    return layer._inbound_nodes[0].outputs
