"""A WAV file that grows: 16-bit mono, a sentence on where it comes from, and marks in time."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fieldwren import __version__

_UNKNOWN = 0xFFFFFFFF
"""Programs that cannot know a size yet write this; readers then take what there is."""


class WavWriter:
    """Samples in order; `mark` names a place among them. Until `close`, the header says that the size is not known."""

    def __init__(self, path: Path, rate_hz: int, comment: str) -> None:
        self.samples = 0
        self._marks: list[tuple[int, int, str]] = []
        self._file = path.open("wb")
        about = _chunk(b"ISFT", f"fieldwren {__version__}\0".encode()) + _chunk(b"ICMT", f"{comment}\0".encode())
        kind = struct.pack("<HHIIHH", 1, 1, rate_hz, 2 * rate_hz, 2, 16)
        head = b"WAVE" + _chunk(b"fmt ", kind) + _chunk(b"LIST", b"INFO" + about)
        self._file.write(struct.pack("<4sI", b"RIFF", _UNKNOWN) + head + struct.pack("<4sI", b"data", _UNKNOWN))
        self._data_at = self._file.tell()

    def write(self, samples: NDArray[np.int16]) -> None:
        """int16 [n]."""
        self._file.write(samples.astype("<i2").tobytes())
        self.samples += len(samples)

    def mark(self, length: int, name: str) -> None:
        """Names the next `length` samples."""
        self._marks.append((self.samples, length, name))

    def close(self) -> None:
        """Writes the marks (cue points with labelled ranges, as audio editors show them) and the sizes."""
        if self._marks:
            points = b"".join(
                struct.pack("<II4sIII", number, at, b"data", 0, 0, at)
                for number, (at, _, _) in enumerate(self._marks, 1)
            )
            self._file.write(_chunk(b"cue ", struct.pack("<I", len(self._marks)) + points))
            labels = b"".join(
                _chunk(b"ltxt", struct.pack("<II4sHHHH", number, length, b"rgn ", 0, 0, 0, 0) + name.encode() + b"\0")
                for number, (_, length, name) in enumerate(self._marks, 1)
            )
            self._file.write(_chunk(b"LIST", b"adtl" + labels))
        end = self._file.tell()
        for at, size in ((4, end - 8), (self._data_at - 4, 2 * self.samples)):
            self._file.seek(at)
            self._file.write(struct.pack("<I", min(size, _UNKNOWN)))
        self._file.close()


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack("<4sI", name, len(content)) + content + b"\0" * (len(content) % 2)
