"""Features of audio on the host, computed by the very C code that runs on the device."""

from __future__ import annotations

import ctypes

import numpy as np
import numpy.typing as npt

from fieldwren.errors import BadInputError
from fieldwren.features.parameters import AudioFrontEnd, MicroFrontEnd
from fieldwren.features.state import Features, FrontEndState

Pcm = npt.NDArray[np.int16]


class AudioStream(FrontEndState):
    """An audio front end with its state: push samples, take frames and windows.

    >>> stream = AudioStream(PRESETS["mlperf-kws"])
    >>> frames = stream.push(pcm)       # [n, 10] float32: the frames that became complete
    >>> x = stream.window()             # [49, 10] float32, normalised: the model's input
    """

    def __init__(self, parameters: AudioFrontEnd | MicroFrontEnd) -> None:
        super().__init__(parameters)
        self.parameters = parameters

    def push(self, pcm: Pcm) -> Features:
        """Feeds int16 samples; returns the frames that became complete, [n, frame_values], not normalised."""
        pcm = _checked(pcm, 1)
        frames = []
        ready = ctypes.c_int(0)
        at = 0
        while at < len(pcm):
            at += self._lib.fw_frontend_push(
                ctypes.byref(self._c), pcm.ctypes.data + 2 * at, len(pcm) - at, ctypes.byref(ready)
            )
            if ready.value:
                frames.append(self.newest_frame())
        return np.stack(frames) if frames else np.empty((0, self.frame_values), self.dtype)

    def process(self, pcm: Pcm) -> Features:
        """All frames of a recording from a fresh state, [frames, frame_values], not normalised."""
        pcm = _checked(pcm, 1)
        frames = np.empty((self.parameters.frame_count(len(pcm)), self.frame_values), self._raw_dtype)
        self._process(pcm, frames)
        return self._real(frames)

    def windows(
        self,
        clips: Pcm,
        dtype: npt.DTypeLike = np.float32,
        scale: float = 0.0,
        zero_point: int = 0,
    ) -> Features:
        """Model inputs of many clips, one each: the window that ends with the clip's last complete frame.

        `clips` is [clips, samples] with at least `window_total_samples` samples, each from a fresh state; the result
        is [clips, window_frames, frame_values], float32 or quantised with `scale` and `zero_point`.
        """
        clips = _checked(clips, 2)
        needed = self.parameters.window_total_samples
        if clips.shape[1] < needed:
            raise BadInputError(f"front end: clips have {clips.shape[1]} samples, a window needs {needed} (pad them)")
        out = self._new_windows(len(clips), dtype)
        for clip, into in zip(clips, out, strict=True):
            self._process(clip, None)
            self._write_window(into, scale, zero_point)
        return out

    def _process(self, pcm: Pcm, frames: Features | None) -> None:
        into, room = (None, 0) if frames is None else (frames.ctypes.data, len(frames))
        self._lib.fw_frontend_process(ctypes.byref(self._c), pcm.ctypes.data, len(pcm), into, room)


def _checked(pcm: npt.ArrayLike, dimensions: int) -> Pcm:
    array = np.asarray(pcm)
    if array.dtype != np.int16 or array.ndim != dimensions:
        raise BadInputError(
            f"front end: PCM must be int16 with {dimensions} dimension(s), not {array.dtype} {list(array.shape)}"
        )
    return np.ascontiguousarray(array)


def frames(parameters: AudioFrontEnd | MicroFrontEnd, pcm: Pcm) -> Features:
    """All frames of one recording, [frames, frame_values], from a fresh state, before window normalisation."""
    return AudioStream(parameters).process(pcm)


def windows(
    parameters: AudioFrontEnd | MicroFrontEnd,
    clips: Pcm,
    dtype: npt.DTypeLike = np.float32,
    scale: float = 0.0,
    zero_point: int = 0,
) -> Features:
    """`AudioStream.windows` in one call: [clips, samples] int16 to [clips, window_frames, frame_values]."""
    return AudioStream(parameters).windows(clips, dtype, scale, zero_point)
