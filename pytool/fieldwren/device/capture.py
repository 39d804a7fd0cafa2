"""Audio from a device, live: blocks in order, each once, and how many are missing where some were lost for good."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fieldwren.device.frames import AckStatus, Frame, FrameType, encode_frame
from fieldwren.device.ima_adpcm import decode_block
from fieldwren.device.results import DeviceInfo
from fieldwren.device.session import Session
from fieldwren.errors import LinkLostError

Encoding = Literal["pcm", "ima-adpcm"]

SILENCE_S = 0.5
"""So long without a frame, and the device is asked again."""
_CREDIT_BLOCKS = 64
_DRAIN_S = 5.0
_HALF, _ALL = 1 << 31, 1 << 32


@dataclass(frozen=True)
class CaptureFormat:
    """What the device sends. `t_ms` is the app's time at the first sample, `window_ms` what one inference hears.

    `blocks`: how many the device keeps for a host that is late.
    """

    encoding: Encoding
    sample_rate_hz: int
    block_bytes: int
    block_samples: int
    blocks: int
    t_ms: int
    window_ms: int


@dataclass(frozen=True)
class Piece:
    """Consecutive samples, or a gap of `missing` samples that nobody has any more."""

    samples: NDArray[np.int16]
    missing: int = 0


class Capture:
    """One recording: asks for blocks, puts them in order, asks again for what got lost on the way.

    The device sends as many blocks as it was asked for, as they come into being, and is asked for more before these are
    used up; a host that is gone is soon sent nothing any more.
    """

    def __init__(self, session: Session, info: DeviceInfo) -> None:
        """Starts it. Raises DeviceRefusedError (forbidden) for an app that does not let audio leave the device."""
        answer = session.command("capture start")
        encoding = answer["encoding"]
        if encoding not in ("pcm", "ima-adpcm") or info.sample_rate_hz is None:
            raise LinkLostError(f"{session.name}: sends audio as {encoding}, which this fieldwren does not know")
        self.format = CaptureFormat(
            encoding,
            info.sample_rate_hz,
            *(int(answer[name]) for name in ("block_bytes", "block_samples", "blocks", "t_ms", "window_ms")),
        )
        self.ended = False
        self._session = session
        self._transfer = int(answer["transfer"])
        self._pieces: deque[Piece] = deque()
        self._expected = 0
        self._until = 0
        self._rewound = (-1, 0.0)
        self._last_sign = time.monotonic()
        session.listeners[self._transfer] = self
        self._ask(0)

    def take(self) -> list[Piece]:
        """What has come since the last call."""
        taken = list(self._pieces)
        self._pieces.clear()
        return taken

    def stop(self) -> list[Piece]:
        """Ends the recording; what was still on its way. The part of a block that was not full is left out."""
        if not self.ended:
            count = int(self._session.command("capture stop")["blocks"])
            deadline = time.monotonic() + _DRAIN_S
            while not self.ended and self._expected != count and time.monotonic() < deadline:
                self._session.pump(SILENCE_S)
        self._session.listeners.pop(self._transfer, None)
        self.ended = True
        return self.take()

    def frame(self, frame: Frame) -> None:
        """One frame of the transfer."""
        self._last_sign = time.monotonic()
        if frame.type == FrameType.ACK:
            self.ended = self.ended or frame.status == AckStatus.TRANSFER
            return
        ahead = (frame.offset - self._expected) % _ALL
        if ahead >= _HALF or len(frame.payload) != self.format.block_bytes:
            return  # it was here before
        if ahead and frame.status != AckStatus.GAP:
            self._go_back()  # lost on the line: the device still has it
            return
        if ahead:
            self._pieces.append(Piece(np.zeros(0, np.int16), ahead * self.format.block_samples))
        self._pieces.append(Piece(self._decoded(frame.payload)))
        self._expected = (frame.offset + 1) % _ALL
        if (self._until - self._expected) % _ALL >= _HALF:
            self._until = self._expected  # the gap swallowed all that was asked for
        if (self._until - self._expected) % _ALL <= _CREDIT_BLOCKS // 2:
            self._ask(self._until)

    def tick(self) -> None:
        """Asks again when nothing comes: what was asked for may have been lost."""
        if not self.ended and time.monotonic() - self._last_sign > SILENCE_S:
            self._last_sign = time.monotonic()
            self._ask(self._expected)

    def _go_back(self) -> None:
        """Once for each block, until that times out."""
        offset, when = self._rewound
        if offset != self._expected or time.monotonic() - when > SILENCE_S:
            self._rewound = (self._expected, time.monotonic())
            self._ask(self._expected)

    def _ask(self, offset: int) -> None:
        """For blocks from `offset` on: where the last question ended, for more of them; else for those again."""
        self._until = (offset + _CREDIT_BLOCKS) % _ALL
        count = _CREDIT_BLOCKS.to_bytes(4, "little")
        self._session.stream.write(encode_frame(Frame(FrameType.READ, 0, self._transfer, offset, count)))

    def _decoded(self, block: bytes) -> NDArray[np.int16]:
        if self.format.encoding == "pcm":
            return np.frombuffer(block, "<i2").astype(np.int16)
        return decode_block(block)
