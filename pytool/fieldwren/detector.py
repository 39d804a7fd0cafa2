"""Posteriors to detections on the host, by the very C code that runs on the device (firmware/runtime/detector.c)."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fieldwren.errors import BadInputError
from fieldwren.native import library

Mode = Literal["events", "states", "every"]
Output = Literal["probability", "softmax", "logistic"]

MODES: dict[Mode, int] = {"events": 0, "states": 1, "every": 2}
OUTPUTS: dict[Output, int] = {"probability": 0, "softmax": 1, "logistic": 2}
Q15_ONE = 32768
CLASSES_MOST = 65534
COUNT_MOST = 65535
REFRACTORY_MS_MOST = 2**31 - 1

_DTYPE_CODES = {"int8": 1, "int16": 2, "uint8": 4, "float32": 5}
_OK = 0


def to_q15(fraction: float) -> int:
    """A fraction from 0 to 1 in the detector's units of 1/32768, rounded half up."""
    return int(np.floor(fraction * Q15_ONE + 0.5))


@dataclass(frozen=True)
class DetectorConfig:
    """What fw_detector_config_t says (firmware/runtime/detector.h), which also defines how it detects.

    `smoothing` and `minimum_count` count inferences; `thresholds` and `background` have one entry a class; `release` is
    how far below its threshold a class must fall before it can fire again.
    """

    thresholds: tuple[float, ...]
    background: tuple[bool, ...]
    mode: Mode = "events"
    smoothing: int = 1
    minimum_count: int = 1
    refractory_ms: int = 0
    release: float = 0.0

    def __post_init__(self) -> None:
        for holds, message in (
            (
                1 <= self.class_count <= CLASSES_MOST,
                f"there are {self.class_count} classes, must be 1 to {CLASSES_MOST}",
            ),
            (self.class_count > 1 or self.mode == "events", f"one class alone has no use in mode {self.mode!r}"),
            (len(self.background) == self.class_count, "background must have one entry a class"),
            (all(0.0 <= t <= 1.0 for t in self.thresholds), f"thresholds {self.thresholds} must lie from 0 to 1"),
            (self.mode in MODES, f"mode is {self.mode!r}, must be one of {', '.join(MODES)}"),
            (1 <= self.smoothing <= COUNT_MOST, f"smoothing is {self.smoothing}, must be 1 to {COUNT_MOST} inferences"),
            (
                1 <= self.minimum_count <= self.smoothing,
                f"minimum_count is {self.minimum_count}, must be 1 to {self.smoothing}, the smoothing",
            ),
            (0 <= self.refractory_ms <= REFRACTORY_MS_MOST, f"refractory_ms is {self.refractory_ms}, out of range"),
            (0.0 <= self.release <= 1.0, f"release is {self.release}, must lie from 0 to 1"),
        ):
            if not holds:
                raise BadInputError(f"detector: {message}")

    @property
    def class_count(self) -> int:
        """Number of classes."""
        return len(self.thresholds)

    @property
    def memory_bytes(self) -> int:
        """FW_DETECTOR_BYTES: what the detector needs in RAM besides its fixed state."""
        return self.class_count * (4 + 2 * self.smoothing + 2 + 1)


@dataclass(frozen=True)
class Detection:
    """`label` is the class index, `confidence` its smoothed posterior from 0 to 1."""

    t_ms: int
    label: int
    confidence: float


class _Config(ctypes.Structure):
    """fw_detector_config_t."""

    _fields_ = (
        *((name, ctypes.c_uint32) for name in ("mode", "class_count", "smoothing", "minimum_count")),
        ("refractory_ms", ctypes.c_uint32),
        ("release_q15", ctypes.c_uint32),
        ("thresholds_q15", ctypes.c_void_p),
        ("background", ctypes.c_void_p),
    )


class _Detector(ctypes.Structure):
    """fw_detector_t."""

    _fields_ = (
        ("config", ctypes.POINTER(_Config)),
        *((name, ctypes.c_void_p) for name in ("sums", "history", "thresholds_q15", "fired")),
        *((name, ctypes.c_uint32) for name in ("count", "next", "last_ms")),
        ("state", ctypes.c_uint16),
        ("has_last", ctypes.c_uint8),
    )


class _Detection(ctypes.Structure):
    """fw_detection_t."""

    _fields_ = (("t_ms", ctypes.c_uint32), ("label", ctypes.c_uint16), ("confidence_q15", ctypes.c_uint16))


class TensorInfo(ctypes.Structure):
    """fw_tensor_info_t."""

    _fields_ = (
        *((name, ctypes.c_uint32) for name in ("offset", "bytes", "dtype")),
        ("scale", ctypes.c_float),
        ("zero_point", ctypes.c_int32),
    )


@functools.cache
def _functions() -> ctypes.CDLL:
    lib = library()
    detector, pointer, u32 = ctypes.POINTER(_Detector), ctypes.c_void_p, ctypes.c_uint32
    prototypes: dict[str, tuple[Any, tuple[Any, ...]]] = {
        "fw_detector_init": (ctypes.c_int, (detector, ctypes.POINTER(_Config), pointer, u32)),
        "fw_detector_reset": (None, (detector,)),
        "fw_detector_set_threshold": (ctypes.c_int, (detector, u32, u32)),
        "fw_detector_push": (ctypes.c_int, (detector, pointer, u32, ctypes.POINTER(_Detection))),
        "fw_detector_smoothed": (u32, (detector, u32)),
        "fw_posteriors": (ctypes.c_int, (pointer, ctypes.POINTER(TensorInfo), ctypes.c_int, pointer, u32)),
    }
    for name, (result, arguments) in prototypes.items():
        function = getattr(lib, name)
        function.restype = result
        function.argtypes = arguments
    return lib


class Detector:
    """A detector with its state: push posteriors, get detections.

    >>> detector = Detector(DetectorConfig(thresholds=(0.5, 0.5), background=(True, False)))
    >>> detector.push(posteriors(np.array([-128, 127], np.int8), 1 / 256, -128), t_ms=1000)
    Detection(t_ms=1000, label=1, confidence=0.99609375)
    """

    def __init__(self, config: DetectorConfig) -> None:
        self.config = config
        self._lib = _functions()
        self._thresholds = np.asarray([to_q15(t) for t in config.thresholds], np.uint16)
        self._background = np.asarray(config.background, np.uint8)
        self._memory = np.zeros(-(-config.memory_bytes // 4), np.uint32)
        self._c_config = _Config(
            MODES[config.mode],
            config.class_count,
            config.smoothing,
            config.minimum_count,
            config.refractory_ms,
            to_q15(config.release),
            self._thresholds.ctypes.data,
            self._background.ctypes.data,
        )
        self._c = _Detector()
        status = self._lib.fw_detector_init(
            ctypes.byref(self._c), ctypes.byref(self._c_config), self._memory.ctypes.data, self._memory.nbytes
        )
        if status != _OK:
            raise BadInputError(f"detector: the C code refuses {config} (status {status})")

    def reset(self) -> None:
        """Forgets what was pushed; changed thresholds stay."""
        self._lib.fw_detector_reset(ctypes.byref(self._c))

    def set_threshold(self, label: int, threshold: float) -> None:
        """Changes the threshold of one class."""
        if not 0.0 <= threshold <= 1.0 or not 0 <= label < self.config.class_count:
            raise BadInputError(f"detector: cannot set the threshold of class {label} to {threshold}")
        self._lib.fw_detector_set_threshold(ctypes.byref(self._c), label, to_q15(threshold))

    def push(self, posteriors_q15: npt.NDArray[np.uint16], t_ms: int) -> Detection | None:
        """One inference: posteriors [classes] in units of 1/32768 (`posteriors`), and the time of its newest sample."""
        values = np.ascontiguousarray(posteriors_q15, np.uint16)
        if values.shape != (self.config.class_count,):
            raise BadInputError(
                f"detector: posteriors have shape {list(values.shape)}, must be [{self.config.class_count}]"
            )
        found = _Detection()
        if not self._lib.fw_detector_push(ctypes.byref(self._c), values.ctypes.data, t_ms, ctypes.byref(found)):
            return None
        return Detection(int(found.t_ms), int(found.label), int(found.confidence_q15) / Q15_ONE)

    def run(self, posteriors_q15: npt.NDArray[np.uint16], times_ms: Sequence[int]) -> list[Detection]:
        """All detections of consecutive inferences [n, classes] at `times_ms` [n]."""
        found = (self.push(row, int(t)) for row, t in zip(posteriors_q15, times_ms, strict=True))
        return [detection for detection in found if detection is not None]

    def smoothed(self) -> npt.NDArray[np.float64]:
        """The smoothed posteriors, [classes], from 0 to 1."""
        return np.asarray(
            [self._lib.fw_detector_smoothed(ctypes.byref(self._c), i) / Q15_ONE for i in range(self.config.class_count)]
        )


def posteriors(
    output: npt.NDArray[Any],
    scale: float = 0.0,
    zero_point: int = 0,
    *,
    kind: Output = "probability",
    class_count: int | None = None,
) -> npt.NDArray[np.uint16]:
    """One output tensor of a model as posteriors [classes] in units of 1/32768.

    `output` is int8, uint8, int16 (dequantised with `scale` and `zero_point`) or float32, of any shape; `kind` says what
    the model's last layer gives. One element p with `class_count` 2 becomes (1 - p, p).
    """
    values = np.ascontiguousarray(output).reshape(-1)
    classes = values.size if class_count is None else class_count
    made = np.zeros(max(classes, 1), np.uint16)
    info = TensorInfo(0, values.nbytes, _DTYPE_CODES.get(values.dtype.name, 0), scale, zero_point)
    status = _functions().fw_posteriors(
        values.ctypes.data, ctypes.byref(info), OUTPUTS[kind], made.ctypes.data, classes
    )
    if status != _OK:
        raise BadInputError(
            f"detector: {values.size} outputs of type {values.dtype} cannot become {classes} posteriors ({kind})"
        )
    return made[:classes]
