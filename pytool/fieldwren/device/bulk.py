"""Bulk data over the link: sending with a window and acknowledgements, reading by request; both survive losses."""

from __future__ import annotations

import time
import zlib
from collections import deque
from collections.abc import Mapping
from typing import Any

from fieldwren.device.frames import AckStatus, Frame, FrameType, encode_frame
from fieldwren.device.session import Session
from fieldwren.errors import LinkLostError

PROGRESS_TIMEOUT_S = 20.0
RETRANSMIT_S = 0.5
READS_AHEAD = 4
_ATTEMPTS = 3
_HALF = 1 << 31
_ALL = 1 << 32


class Sender:
    """Sends bytes of one transfer to the device: go-back-N within two windows.

    `offset` is the first byte that the device has not acknowledged, `room` how many behind it it can take. Bytes on the
    wire and not acknowledged never exceed the device's receive buffer.
    """

    def __init__(
        self, session: Session, transfer: int, *, room: int, payload_bytes: int, wire_bytes: int, offset: int = 0
    ) -> None:
        self._session = session
        self._transfer = transfer
        self._payload_bytes = payload_bytes
        self._wire_bytes = wire_bytes
        self._pending = bytearray()  # from `offset` on
        self._sent = offset
        self._in_flight: deque[tuple[int, int]] = deque()  # (end offset, bytes on the wire)
        self._last_resend = (-1, 0.0)
        self._last_progress = time.monotonic()
        self._last_sign = self._last_progress
        self.offset = offset
        self.room = room
        self.failure: AckStatus | None = None

    def push(self, data: bytes) -> None:
        """Queues bytes."""
        self._pending += data

    @property
    def queued(self) -> int:
        """Bytes that the device has not acknowledged."""
        return len(self._pending)

    def step(self, wait_s: float) -> None:
        """Sends what the windows allow and takes in what comes, waiting at most `wait_s` when nothing can be sent.

        Raises LinkLostError when the device has shown no progress for a while. Events stay in the session.
        """
        sending = self._send()
        self._session.pump(0.0 if sending else wait_s)
        while self._session.frames:
            frame = self._session.frames.popleft()
            if frame.type == FrameType.ACK and frame.transfer == self._transfer:
                self._acknowledged(frame)
        self._watch()

    def _send(self) -> bool:
        start = self._sent - self.offset
        count = min(self._payload_bytes, len(self._pending) - start, self.room - start)
        if count <= 0:
            return False
        payload = bytes(self._pending[start : start + count])
        encoded = encode_frame(Frame(FrameType.DATA, 0, self._transfer, self._sent, payload))
        if self._in_flight and sum(size for _, size in self._in_flight) + len(encoded) > self._wire_bytes:
            return False
        self._session.stream.write(encoded)
        self._sent += count
        self._in_flight.append((self._sent, len(encoded)))
        return True

    def _acknowledged(self, frame: Frame) -> None:
        self._last_sign = time.monotonic()
        status = frame.status
        if status in (AckStatus.TRANSFER, AckStatus.TYPE, AckStatus.CRC, AckStatus.RANGE):
            self.failure = AckStatus(status)
            return
        advance = (frame.offset - self.offset) % _ALL
        if advance >= _HALF or advance > len(self._pending):
            return  # older than what is known
        if advance or frame.window > self.room:
            self._last_progress = self._last_sign
        del self._pending[:advance]
        self.offset += advance
        self.room = frame.window
        self._sent = max(self._sent, self.offset)
        while self._in_flight and self._in_flight[0][0] <= self.offset:
            self._in_flight.popleft()
        if status in (AckStatus.GAP, AckStatus.BROKEN):
            self._resend_once()

    def _resend_once(self) -> None:
        """Back to the first byte that is not acknowledged; once for each such byte, until it times out again."""
        offset, when = self._last_resend
        if offset != self.offset or time.monotonic() - when > RETRANSMIT_S:
            self._rewind()

    def _rewind(self) -> None:
        self._last_resend = (self.offset, time.monotonic())
        self._sent = self.offset
        self._in_flight.clear()

    def _watch(self) -> None:
        """Asks again when the device is silent: for data under way, or for a window that stays closed."""
        now = time.monotonic()
        if not self._pending or now - self._last_sign < RETRANSMIT_S:
            if not self._pending:
                self._last_progress = now
            return
        if now - self._last_progress > PROGRESS_TIMEOUT_S:
            raise LinkLostError(f"{self._session.name}: the device took no data for {PROGRESS_TIMEOUT_S:g} s")
        self._last_sign = now
        self._rewind()
        # An empty frame is answered with the present offset and window.
        self._session.stream.write(encode_frame(Frame(FrameType.DATA, 0, self._transfer, self.offset)))


def put(session: Session, name: str, data: bytes, *, payload_bytes: int, wire_bytes: int) -> None:
    """Puts a tensor or blob, whole; what the device has of it already is not sent again."""
    command = f"put {name} {len(data)} {zlib.crc32(data):08x}"
    for _ in range(_ATTEMPTS):
        answer = session.command(command)
        offset = int(answer["offset"])
        sender = Sender(
            session,
            int(answer["transfer"]),
            room=len(data) - offset,
            payload_bytes=payload_bytes,
            wire_bytes=wire_bytes,
            offset=offset,
        )
        sender.push(data[offset:])
        while sender.queued and sender.failure is None:
            sender.step(RETRANSMIT_S)
        if sender.failure is None:
            return
    raise LinkLostError(f"{session.name}: {name} did not arrive undamaged in {_ATTEMPTS} attempts")


def get(session: Session, name: str, *, payload_bytes: int) -> bytes:
    """Gets a tensor or blob, whole."""
    for _ in range(_ATTEMPTS):
        answer = session.command(f"get {name}")
        data = _read(session, answer, payload_bytes)
        if data is not None and zlib.crc32(data) == int(str(answer["crc32"]), 16):
            return data
    raise LinkLostError(f"{session.name}: {name} did not arrive undamaged in {_ATTEMPTS} attempts")


def _read(session: Session, answer: Mapping[str, Any], payload_bytes: int) -> bytes | None:
    """The bytes of an outbound transfer; None when the device ended it."""
    transfer, size = int(answer["transfer"]), int(answer["bytes"])
    data = bytearray(size)
    missing = deque(range(0, size, payload_bytes))
    asked: dict[int, float] = {}
    last_progress = time.monotonic()
    while missing or asked:
        while missing and len(asked) < READS_AHEAD:
            offset = missing.popleft()
            count = min(payload_bytes, size - offset).to_bytes(4, "little")
            session.stream.write(encode_frame(Frame(FrameType.READ, 0, transfer, offset, count)))
            asked[offset] = time.monotonic()
        session.pump(RETRANSMIT_S)
        while session.frames:
            frame = session.frames.popleft()
            if frame.transfer != transfer:
                continue
            if frame.type == FrameType.ACK:
                return None
            if frame.offset in asked and len(frame.payload) == min(payload_bytes, size - frame.offset):
                data[frame.offset : frame.offset + len(frame.payload)] = frame.payload
                del asked[frame.offset]
                last_progress = time.monotonic()
        now = time.monotonic()
        if now - last_progress > PROGRESS_TIMEOUT_S:
            raise LinkLostError(f"{session.name}: the device sent no data for {PROGRESS_TIMEOUT_S:g} s")
        late = [offset for offset, when in asked.items() if now - when > RETRANSMIT_S]
        for offset in late:
            del asked[offset]
            missing.appendleft(offset)
    return bytes(data)
