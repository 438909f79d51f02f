"""tf.config and tf.test: devices, threads and switches. There is one device, the CPU; GPUs are neither listed nor needed."""

import inspect
import os
from typing import Any, ClassVar, NamedTuple

from millstream.staging.function import Switch
from millstream.util.export import export, publish


class PhysicalDevice(NamedTuple):
    """A device of this machine."""

    name: str
    device_type: str


class LogicalDevice(NamedTuple):
    """A device as programs see it."""

    name: str
    device_type: str


class LogicalDeviceConfiguration(NamedTuple):
    """How a device would be cut into several."""

    memory_limit: Any = None
    experimental_priority: Any = None


publish(PhysicalDevice, "tf.config.PhysicalDevice")
publish(LogicalDevice, "tf.config.LogicalDevice")
publish(LogicalDeviceConfiguration, "tf.config.LogicalDeviceConfiguration", "tf.config.experimental.VirtualDeviceConfiguration")

_CPU = PhysicalDevice("/physical_device:CPU:0", "CPU")


class _Settings:
    """What the setters said, for the getters."""

    values: ClassVar[dict[str, Any]] = {}


# ---------------------------------------------------------------------------------------------- devices
@export("tf.config.list_physical_devices", "tf.config.experimental.list_physical_devices")
def list_physical_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """The devices of a type, or all: the CPU.

    >>> tf.config.list_physical_devices("GPU")
    []
    """
    return [_CPU] if device_type in (None, "CPU") else []


@export("tf.config.list_logical_devices", "tf.config.experimental.list_logical_devices")
def list_logical_devices(device_type: str | None = None) -> list[LogicalDevice]:
    """The devices of a type, or all, as programs see them: the CPU."""
    return [LogicalDevice("/device:CPU:0", "CPU")] if device_type in (None, "CPU") else []


@export("tf.config.get_visible_devices", "tf.config.experimental.get_visible_devices")
def get_visible_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """The devices that are used."""
    return list_physical_devices(device_type)


def _known(devices: Any) -> list[Any]:
    given = (
        list(devices)
        if isinstance(devices, (list, tuple)) and not isinstance(devices, PhysicalDevice)
        else []
        if devices is None
        else [devices]
    )
    for device in given:
        if device != _CPU:
            raise ValueError(f"Unrecognized device: {device!r}; there is {_CPU!r}.")
    return given


@export("tf.config.set_visible_devices", "tf.config.experimental.set_visible_devices")
def set_visible_devices(devices: Any, device_type: str | None = None) -> None:
    """Say which devices to use; there is one. Raises: ValueError for a device that does not exist."""
    _known(devices)


@export("tf.config.experimental.set_memory_growth")
def set_memory_growth(device: Any, enable: bool) -> None:
    """For GPUs. Raises: ValueError for the CPU, and for a device that does not exist."""
    _known(device)
    raise ValueError("Cannot set memory growth on non-GPU and non-Pluggable devices")


@export("tf.config.experimental.get_memory_growth")
def get_memory_growth(device: Any) -> bool:
    """For GPUs. Raises: ValueError."""
    _known(device)
    raise ValueError("Cannot get memory growth on non-GPU and non-Pluggable devices")


@export("tf.config.experimental.get_device_details")
def get_device_details(device: Any) -> dict[str, Any]:
    """What is known of a device: nothing for the CPU."""
    _known(device)
    return {}


@export("tf.config.set_logical_device_configuration", "tf.config.experimental.set_virtual_device_configuration")
def set_logical_device_configuration(device: Any, logical_devices: Any) -> None:
    """Cut a device into several: accepted and remembered. Raises: ValueError for a device that does not exist."""
    _known(device)
    _Settings.values["logical"] = list(logical_devices)


@export("tf.config.get_logical_device_configuration", "tf.config.experimental.get_virtual_device_configuration")
def get_logical_device_configuration(device: Any) -> Any:
    """What `set_logical_device_configuration` was told."""
    _known(device)
    return _Settings.values.get("logical")


# ---------------------------------------------------------------------------------------------- switches
@export("tf.config.run_functions_eagerly", "tf.config.experimental_run_functions_eagerly")
def run_functions_eagerly(run_eagerly: bool) -> None:
    """Whether every tf.function runs op by op from now on, as plain Python."""
    Switch.eagerly = bool(run_eagerly)


@export("tf.config.functions_run_eagerly", "tf.config.experimental_functions_run_eagerly")
def functions_run_eagerly() -> bool:
    """Whether tf.functions run as plain Python.

    >>> tf.config.functions_run_eagerly()
    False
    """
    return Switch.eagerly


@export("tf.config.threading.set_intra_op_parallelism_threads")
def set_intra_op_parallelism_threads(num_threads: int) -> None:
    """How many threads compiled code uses from now on; 0: as many as there are processors."""
    os.environ["MILLSTREAM_THREADS"] = str(int(num_threads))


@export("tf.config.threading.get_intra_op_parallelism_threads")
def get_intra_op_parallelism_threads() -> int:
    """How many threads compiled code uses; 0: as many as there are processors."""
    return int(os.environ.get("MILLSTREAM_THREADS") or 0)


def _pair(space: str, name: str, argument: str, default: Any) -> None:
    """A setter that is remembered and a getter that tells it; nothing else depends on them."""

    def setter(*args: Any, **kwargs: Any) -> None:
        _Settings.values[f"{space}.{name}"] = setter.__signature__.bind(*args, **kwargs).arguments[argument]  # type: ignore[attr-defined]

    def getter() -> Any:
        return _Settings.values.get(f"{space}.{name}", default)

    setter.__signature__ = _signature(argument)  # type: ignore[attr-defined]
    setter.__name__, setter.__doc__ = f"set_{name}", "Remembered; there is nothing here that it would change."
    getter.__name__, getter.__doc__ = f"get_{name}", "What was set."
    publish(setter, f"tf.config.{space}set_{name}")
    publish(getter, f"tf.config.{space}get_{name}")


def _signature(*names: str) -> inspect.Signature:
    return inspect.Signature([inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in names])


_pair("threading.", "inter_op_parallelism_threads", "num_threads", 0)
_pair("", "soft_device_placement", "enabled", False)
_pair("optimizer.", "jit", "enabled", "")
_pair("optimizer.", "experimental_options", "options", {})
_pair("experimental.", "device_policy", "device_policy", "silent")
_pair("experimental.", "synchronous_execution", "enable", True)


def _no_effect(name: str, *names: str) -> None:
    def switch(*args: Any, **kwargs: Any) -> None:
        switch.__signature__.bind(*args, **kwargs)  # type: ignore[attr-defined]

    switch.__signature__ = _signature(*names)  # type: ignore[attr-defined]
    switch.__name__, switch.__doc__ = name, "Accepted; there is nothing here that it would change."
    publish(switch, f"tf.config.experimental.{name}")


for _name in ("disable_mlir_bridge", "disable_mlir_graph_optimization", "enable_mlir_bridge", "enable_mlir_graph_optimization"):
    _no_effect(_name)
_no_effect("enable_tensor_float_32_execution", "enabled")


@export("tf.config.experimental.tensor_float_32_execution_enabled")
def tensor_float_32_execution_enabled() -> bool:
    """Whether products of float32 are rounded to fewer bits: never."""
    return False
