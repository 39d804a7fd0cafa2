"""How unusual a window is: the score of an autoencoder's error, by the very C code that runs on the device."""

from __future__ import annotations

import ctypes
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwren.detector import Q15_ONE, TensorInfo
from fieldwren.errors import BadInputError
from fieldwren.graph import Graph
from fieldwren.native import library
from fieldwren.program import Port

ANOMALY_KEY = "fieldwren.anomaly"
"""Metadata of an autoencoder: JSON with `schema` 1, `half_error`, and `whitening` (null, or [elements][elements])."""

_INT8, _FLOAT32 = 1, 5


@dataclass(frozen=True)
class Anomaly:
    """fw_anomaly_t: the error that is as likely an anomaly as not, and what weighs the differences, [n, n] or None."""

    half_error: float
    whitening: NDArray[np.float32] | None = None

    def to_json(self) -> str:
        """The metadata ANOMALY_KEY."""
        rows = None if self.whitening is None else [[float(f"{v:.6g}") for v in row] for row in self.whitening]
        return json.dumps({"schema": 1, "half_error": self.half_error, "whitening": rows})


class _CAnomaly(ctypes.Structure):
    _fields_ = (("half_error", ctypes.c_float), ("whitening", ctypes.c_void_p))


def stored_anomaly(graph: Graph, elements: int) -> Anomaly | None:
    """The metadata ANOMALY_KEY of a model with so many inputs; None where it has none."""
    if ANOMALY_KEY not in graph.metadata:
        return None
    try:
        document = json.loads(graph.metadata[ANOMALY_KEY])
        if document["schema"] != 1:
            raise BadInputError(f"{graph.name}: metadata {ANOMALY_KEY} has schema {document['schema']}, 1 is known")
        whitening = None if document["whitening"] is None else np.array(document["whitening"], np.float32)
        found = Anomaly(float(document["half_error"]), whitening)
    except (ValueError, KeyError, TypeError) as error:
        raise BadInputError(f"{graph.name}: metadata {ANOMALY_KEY} cannot be read: train the model again") from error
    fits = whitening is None or (whitening.shape == (elements, elements) and bool(np.isfinite(whitening).all()))
    if not fits or not 0.0 < found.half_error < 1e30:
        raise BadInputError(f"{graph.name}: metadata {ANOMALY_KEY} does not fit the model's {elements} inputs")
    return found


def posteriors_of(
    anomaly: Anomaly, port: Port, inputs: NDArray[Any], copies: NDArray[Any], output: Port | None = None
) -> NDArray[np.float64]:
    """Confidence [n] that each window is an anomaly, 0 to 1, in the device's steps of 1/32768.

    `inputs` [n, *any] in the dtype of `port`, the model's input; `copies` [n, *any] of the model's `output`, or float32.
    """
    lib = library()
    count = int(np.prod(port.shape))
    source = TensorInfo(0, port.nbytes, _INT8, port.scale, port.zero_point)
    target = TensorInfo(0, 4 * count, _FLOAT32, 0.0, 0)
    if output is not None:
        target = TensorInfo(0, output.nbytes, _INT8, output.scale, output.zero_point)
    whitening = None if anomaly.whitening is None else np.ascontiguousarray(anomaly.whitening, np.float32)
    how = _CAnomaly(anomaly.half_error, None if whitening is None else whitening.ctypes.data)
    residual, made = np.zeros(count, np.float32), np.zeros(2, np.uint16)
    found = np.empty(len(inputs))
    for number, pair in enumerate(zip(inputs, copies, strict=True)):
        given, copy = (np.ascontiguousarray(array) for array in pair)
        status = lib.fw_reconstruction_posteriors(
            ctypes.c_void_p(given.ctypes.data),
            ctypes.byref(source),
            ctypes.c_void_p(copy.ctypes.data),
            ctypes.byref(target),
            ctypes.byref(how),
            ctypes.c_void_p(residual.ctypes.data),
            ctypes.c_void_p(made.ctypes.data),
        )
        if status != 0:
            raise BadInputError(f"anomaly: {copy.size} outputs are no copy of {count} inputs")
        found[number] = made[1] / Q15_ONE
    return found


def scores_of(confidences: NDArray[np.float64], anomaly: Anomaly) -> NDArray[np.float64]:
    """The errors that gave these confidences; infinite where they are 1."""
    with np.errstate(divide="ignore"):
        return anomaly.half_error * confidences / (1 - confidences)
