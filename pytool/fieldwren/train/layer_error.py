"""What quantisation does to each layer: signal to quantisation noise, of the float model against the integer one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

Float = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LayerError:
    """`sqnr_db` is 10 log10(sum of squares of the float outputs / of the differences) over all examples."""

    layer: str
    operator: str
    sqnr_db: float


def layer_errors(float_model: bytes, quantised_model: bytes, inputs: Float) -> list[LayerError]:
    """The layers whose outputs both models name alike, in the order of execution.

    Both run in TensorFlow Lite's reference kernels, which keep every tensor; `inputs` is [n, *input shape].
    """
    expected = _Traced(float_model)
    got = _Traced(quantised_model)
    shared = [name for name in got.layers if name in expected.layers]
    signal, noise = dict.fromkeys(shared, 0.0), dict.fromkeys(shared, 0.0)
    for row in inputs:
        wanted, given = dict(expected.run(row)), dict(got.run(row))
        for name in shared:
            if wanted[name].shape == given[name].shape:
                signal[name] += float(np.sum(np.square(wanted[name])))
                noise[name] += float(np.sum(np.square(wanted[name] - given[name])))
    return [
        LayerError(name, got.layers[name], 10 * float(np.log10(signal[name] / noise[name])))
        for name in shared
        if signal[name] > 0 and noise[name] > 0
    ]


class _Traced:
    """A TensorFlow Lite model whose tensors can be read after a run."""

    def __init__(self, content: bytes) -> None:
        self._interpreter: Any = tf.lite.Interpreter(
            model_content=content,
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF,
        )
        self._interpreter.allocate_tensors()
        details = {detail["index"]: detail for detail in self._interpreter.get_tensor_details()}
        self._tensors: dict[str, Any] = {}
        self.layers: dict[str, str] = {}
        for op in self._interpreter._get_ops_details():
            if op["op_name"] in ("QUANTIZE", "DEQUANTIZE", "RESHAPE", "DELEGATE") or not len(op["outputs"]):
                continue
            detail = details[int(op["outputs"][0])]
            self._tensors[detail["name"]] = detail
            self.layers[detail["name"]] = op["op_name"]

    def run(self, row: Float) -> Iterator[tuple[str, npt.NDArray[np.float64]]]:
        """Name and real values of every layer's output."""
        source = self._interpreter.get_input_details()[0]
        self._interpreter.set_tensor(source["index"], _encoded(row[np.newaxis], source))
        self._interpreter.invoke()
        for name, detail in self._tensors.items():
            value = self._interpreter.get_tensor(detail["index"]).astype(np.float64)
            scale, zero_point = detail["quantization"]
            yield name, (value - zero_point) * scale if scale else value


def _encoded(values: Float, detail: Any) -> npt.NDArray[Any]:
    scale, zero_point = detail["quantization"]
    if not scale:
        return values
    limits = np.iinfo(detail["dtype"])
    made: npt.NDArray[Any] = np.clip(np.round(values / scale) + zero_point, limits.min, limits.max).astype(
        detail["dtype"]
    )
    return made
