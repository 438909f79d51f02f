"""The TensorBoard callback: losses, metrics and weights of a training written into event files."""

import os
from typing import Any

import numpy as np

from millstream.keras.engine.callbacks import Callback, Logs
from millstream.keras.optimizers.schedules import LearningRateSchedule
from millstream.staging import summary
from millstream.util.export import export


@export("tf.keras.callbacks.TensorBoard")
class TensorBoard(Callback):
    """Writes event files for TensorBoard: log_dir/train and log_dir/validation.

    Args: log_dir; histogram_freq, every so many epochs the weights' histograms (0: never); write_graph, the model's architecture;
    write_images, weights as pictures; update_freq, "epoch", or "batch" or a number of batches between losses of batches.
    Profiles (profile_batch) and embeddings are accepted and not written. Raises: TypeError for other keywords.
    """

    def __init__(
        self, log_dir: Any = "logs", histogram_freq: int = 0, write_graph: bool = True, write_images: bool = False, update_freq: Any = "epoch",
        profile_batch: Any = 2, embeddings_freq: int = 0, embeddings_metadata: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        unknown = set(kwargs) - {"write_grads", "batch_size", "embeddings_layer_names", "embeddings_data"}
        if unknown:
            raise TypeError(f"Unrecognized arguments in `TensorBoard` Callback: {sorted(unknown)}")
        self.log_dir, self.histogram_freq, self.write_graph, self.write_images = (
            os.fspath(log_dir),
            histogram_freq,
            write_graph,
            write_images,
        )
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self.profile_batch, self.embeddings_freq, self.embeddings_metadata = profile_batch, embeddings_freq, embeddings_metadata
        self._writers: dict[str, Any] = {}
        self._batches = 0
        self._training = False

    def _wants_batches(self, kind: str) -> bool:
        """Only when losses of batches are asked for."""
        return kind == "train" and self.update_freq != "epoch"

    def _writer(self, kind: str) -> Any:
        if kind not in self._writers:
            self._writers[kind] = summary.create_file_writer(os.path.join(self.log_dir, kind))
        return self._writers[kind]

    def _write(self, kind: str, values: Logs, step: int, prefix: str, suffix: str = "") -> None:
        with self._writer(kind).as_default(), summary.record_if(True):
            for name, value in values.items():
                summary.scalar(f"{prefix}{name}{suffix}", value, step=step)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Write the architecture."""
        self._batches, self._training = 0, True
        if self.write_graph and hasattr(self.model, "to_json"):
            self._write_architecture()

    def _write_architecture(self) -> None:
        from millstream.formats import events

        try:
            text = self.model.to_json()
        except NotImplementedError:  # a model written as a class
            return
        self._writer("train")._write(events.event("keras", np.array(text.encode(), object), 0, "graph_keras_model", b"1"))

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Write the losses of every so many batches."""
        self._batches += 1
        if self.update_freq != "epoch" and self._batches % self.update_freq == 0:
            self._write("train", logs or {}, self._batches, "batch_")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the epoch's results, and histograms when it is their turn."""
        found = logs or {}
        train = {k: v for k, v in found.items() if not k.startswith("val_")}
        rate = getattr(self.model.optimizer, "lr", None)
        if isinstance(rate, LearningRateSchedule):
            train["learning_rate"] = rate(self.model.optimizer.iterations)
        self._write("train", train, epoch, "epoch_")
        validation = {k[4:]: v for k, v in found.items() if k.startswith("val_")}
        if validation:
            self._write("validation", validation, epoch, "epoch_")
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)

    def _write_weights(self, epoch: int) -> None:
        with self._writer("train").as_default(), summary.record_if(True):
            for layer in self.model.layers:
                for weight in layer.weights:
                    name = weight.name.replace(":", "_")
                    summary.histogram(name, weight, step=epoch)
                    if self.write_images:
                        summary.image(name + "/image", _picture(weight.numpy()), step=epoch)

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Write the results of an evaluation that is not part of a training."""
        if not self._training and self.model.optimizer is not None:
            self._write("validation", logs or {}, int(self.model.optimizer.iterations), "evaluation_", "_vs_iterations")

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the files."""
        self._training = False
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()


def _picture(weight: Any) -> Any:
    """Weights as grey pictures [B, H, W, 1], from their smallest to their largest value."""
    flat = np.squeeze(weight)
    spread = float(flat.max() - flat.min()) or 1.0
    scaled = ((flat - flat.min()) / spread).astype(np.float32)
    if scaled.ndim == 3:
        return np.moveaxis(scaled, -1, 0)[..., None]
    if scaled.ndim > 3:
        return scaled.reshape(1, scaled.shape[0], -1, 1)
    rows = scaled.reshape(1, -1) if scaled.ndim < 2 else scaled.T if scaled.shape[0] > scaled.shape[1] else scaled
    return rows[None, ..., None]
