"""One device, as Python sees it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fieldwren.device import bulk, results
from fieldwren.device.results import (
    Detected,
    DeviceInfo,
    DeviceRestartedError,
    Event,
    LabelInfo,
    Status,
    StreamEnd,
    TensorInfo,
    Values,
)
from fieldwren.device.session import Session
from fieldwren.device.transport import Transport, open_transport
from fieldwren.emulators.interface import ByteStream, EmulatedDevice
from fieldwren.errors import BadInputError, LinkLostError, MissingToolError
from fieldwren.graph import DTYPES

CONNECT_TIMEOUT_S = 10.0
EMULATOR_TIMEOUT_S = 60.0
"""An emulated device is waited for longer: on a busy computer its process may stand still for many seconds, and when
it ends the stream says so at once."""

_IDLE_S = 0.25
_END_TIMEOUT_S = 60.0


class DeviceClient:
    """A device at the other end of a byte stream.

    >>> with DeviceClient.open("/dev/ttyACM0") as device:
    ...     for event in device.stream(pcm):
    ...         print(event.t_ms, event.label, event.confidence)
    """

    def __init__(
        self,
        stream: ByteStream,
        name: str = "device",
        *,
        timeout_s: float | None = None,
        window_bytes: int | None = None,
    ) -> None:
        """Begins a session, waiting up to `timeout_s` for a device that still boots.

        `timeout_s`: `None` is CONNECT_TIMEOUT_S, and EMULATOR_TIMEOUT_S for an emulated device.

        `window_bytes`: how much may be on its way unacknowledged; `None` is what the device says it buffers. More is faster
        where the stream holds back what the device does not take (emulators, processes).
        """
        self.name = name
        self._stream = stream
        self._owned: Transport | None = None
        self._address: str | None = None
        self._window_bytes = window_bytes
        self._expected = 0
        self._session = Session(stream, name)
        self.info: DeviceInfo = self._session.open(_boot_timeout_s(stream) if timeout_s is None else timeout_s)

    @classmethod
    def open(cls, address: str, *, timeout_s: float | None = None) -> Self:
        """Opens the transport at `address` (fieldwren.device.transport) and begins a session over it."""
        transport = open_transport(address)
        try:
            client = cls(transport, address, timeout_s=timeout_s)
        except BaseException:
            transport.close()
            raise
        client._owned, client._address = transport, address
        return client

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the device, and of the transport if this client opened it."""
        if self._owned is not None:
            self._owned.close()
            self._owned = None

    def reconnect(self, timeout_s: float | None = None) -> DeviceInfo:
        """A new session after a LinkLostError; a transport that this client opened is opened again until it is there."""
        deadline = time.monotonic() + (_boot_timeout_s(self._stream) if timeout_s is None else timeout_s)
        if self._address is not None:
            self.close()
            while True:
                try:
                    self._owned = open_transport(self._address)
                    break
                except (LinkLostError, MissingToolError):
                    if time.monotonic() >= deadline:
                        raise
                    time.sleep(_IDLE_S)
            self._stream = self._owned
        self._session = Session(self._stream, self.name)
        self.info = self._session.open(max(0.1, deadline - time.monotonic()))
        return self.info

    @property
    def _wire_bytes(self) -> int:
        return self._window_bytes or self.info.window_bytes

    def status(self) -> Status:
        """Counters, level, what the app is doing."""
        return results.status(self._session.command("status"), self.name)

    def label(self, index: int) -> LabelInfo:
        """Class `index`."""
        return results.label_info(self._session.command(f"label {index}"), self.name)

    def labels(self) -> tuple[LabelInfo, ...]:
        """All classes."""
        return tuple(self.label(index) for index in range(self.info.labels))

    def tensor(self, name: str) -> TensorInfo:
        """The model's tensor `in0`, `out0` …"""
        return results.tensor_info(self._session.command(f"tensor {_word(name)}"), self.name)

    def commands(self) -> tuple[str, ...]:
        """The commands that this firmware knows, with their arguments."""
        return tuple(self._session.command("help")["commands"])

    def command(self, text: str) -> dict[str, Any]:
        """Any command, as it stands in docs/link.md; the fields of the answer."""
        return dict(self._session.command(text))

    def reset(self) -> None:
        """Model state, front end and detector as at the start."""
        self._session.command("reset")

    def set_threshold(self, label: str | int, threshold: float) -> float:
        """Changes the threshold of a label (by name or index) until the next boot; what the device made of it."""
        if not 0.0 <= threshold <= 1.0:
            raise BadInputError(f"{self.name}: a threshold lies from 0 to 1, and {threshold:g} does not")
        index = label if isinstance(label, int) else self._index(label)
        return float(self._session.command(f"set threshold #{index} {threshold:.6f}")["threshold"])

    def _index(self, label: str) -> int:
        known = [info.label for info in self.labels()]
        if label not in known:
            raise BadInputError(f"{self.name}: there is no label {label!r}: the labels are {', '.join(known)}")
        return known.index(label)

    def reboot(self, timeout_s: float | None = None) -> DeviceInfo:
        """Restarts the device and begins a new session."""
        with contextlib.suppress(DeviceRestartedError):
            self._session.command("reboot")
        return self.reconnect(timeout_s)

    def put(self, name: str, data: bytes) -> None:
        """Puts a blob, whole."""
        info = self.info
        bulk.put(self._session, _word(name), data, payload_bytes=info.payload_bytes, wire_bytes=self._wire_bytes)

    def get(self, name: str) -> bytes:
        """Gets a blob, whole."""
        return bulk.get(self._session, _word(name), payload_bytes=self.info.payload_bytes)

    def infer(self, inputs: Iterable[NDArray[Any]]) -> list[NDArray[Any]]:
        """One inference on the device: arrays in the model's dtypes, outputs flat in the model's dtypes.

        The model's state carries on from the inference before; `reset` begins anew. The app must not be running.
        """
        for number, array in enumerate(inputs):
            tensor = self.tensor(f"in{number}")
            if array.dtype != DTYPES[tensor.dtype] or array.nbytes != tensor.bytes:
                raise BadInputError(
                    f"{self.name}: input {number} is {array.dtype} of {array.nbytes} bytes, and the model takes "
                    f"{tensor.dtype} of {tensor.bytes} bytes"
                )
            self.put(f"in{number}", np.ascontiguousarray(array).tobytes())
        count = int(self._session.command("infer")["outputs"])
        outputs = []
        for number in range(count):
            tensor = self.tensor(f"out{number}")
            outputs.append(np.frombuffer(self.get(f"out{number}"), DTYPES[tensor.dtype]).copy())
        return outputs

    def capture(self, timeout_s: float = _END_TIMEOUT_S) -> NDArray[np.int16]:
        """Records what the front end hears; only for an app that lets audio leave the device."""
        self._session.command("capture")
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                return np.frombuffer(self.get("capture"), np.int16).copy()
            except results.DeviceRefusedError as error:
                if error.code != "not_ready" or time.monotonic() >= deadline:
                    raise
                time.sleep(_IDLE_S)

    def stream(self, elements: NDArray[Any] | Iterable[NDArray[Any]]) -> Iterator[Event]:
        """Feeds samples (int16 [n]) or rows (float32 [n, columns], NaN for missing; of images int8) as fast as the device takes them.

        Yields what the device reports, in order, while it is fed; the last event is a StreamEnd. Times are those of the
        input. Leaving the loop early stops the stream.
        """
        chunks = iter([elements]) if isinstance(elements, np.ndarray) else iter(elements)
        self._expected = 0
        self._session.events.clear()
        answer = self._session.command("stream start")
        sender = bulk.Sender(
            self._session,
            int(answer["transfer"]),
            room=int(answer["window"]),
            payload_bytes=self.info.payload_bytes // int(answer["unit_bytes"]) * int(answer["unit_bytes"]),
            wire_bytes=self._wire_bytes,
        )
        ended = False
        try:
            yield from self._feed(sender, chunks)
            self._session.command(f"stream stop {sender.offset}")
            yield from self._until_end()
            ended = True
        finally:
            if not ended:
                with contextlib.suppress(LinkLostError, results.DeviceRefusedError):
                    self._session.command("stream stop", timeout_s=2.0)

    def _feed(self, sender: bulk.Sender, chunks: Iterator[NDArray[Any]]) -> Iterator[Event]:
        more = True
        while more or sender.queued:
            while more and sender.queued < 4 * self._wire_bytes:
                chunk = next(chunks, None)
                if chunk is None:
                    more = False
                else:
                    sender.push(self._bytes(chunk))
            sender.step(_IDLE_S)
            if sender.failure is not None:
                raise LinkLostError(f"{self.name}: the device gave up the stream ({sender.failure.name.lower()})")
            yield from self._reported()

    def _bytes(self, chunk: NDArray[Any]) -> bytes:
        if self.info.input == "pcm":
            if chunk.dtype != np.int16 or chunk.ndim != 1:
                raise BadInputError(f"{self.name}: the app hears int16 samples, not {chunk.dtype} {list(chunk.shape)}")
            return chunk.astype("<i2").tobytes()
        wanted = np.dtype(np.int8 if self.info.input == "rows_int8" else np.float32)
        if chunk.ndim != 2 or chunk.shape[1] != self.info.columns or chunk.dtype != wanted:
            raise BadInputError(
                f"{self.name}: the app takes {wanted} rows of {self.info.columns} values, not {chunk.dtype} {list(chunk.shape)}"
            )
        return chunk.astype(wanted.newbyteorder("<")).tobytes()

    def _until_end(self) -> Iterator[Event]:
        """What is left to report when all has been sent. A lost last line is asked for."""
        deadline = time.monotonic() + _END_TIMEOUT_S
        progress: tuple[int, int] | None = None
        while time.monotonic() < deadline:
            # The end of a short stream comes together with the answer: nothing more would come to wait for.
            heard = bool(self._session.events) or self._session.pump(_IDLE_S)
            state = None if heard else self.status()
            for event in self._reported():
                yield event
                if isinstance(event, StreamEnd):
                    return
            if state is None:
                continue
            if state.source != "link":
                yield from self._fetch(state.detections)
                yield StreamEnd(state.t_ms, state.inferences, state.detections)
                return
            if (state.t_ms, state.inferences) != progress:
                progress = (state.t_ms, state.inferences)
                deadline = time.monotonic() + _END_TIMEOUT_S
        raise LinkLostError(f"{self.name}: the device did not get to the end of the stream")

    def _reported(self) -> Iterator[Event]:
        """Events that have come, in order and each once; those that got lost are asked for."""
        while self._session.events:
            event = self._session.events.popleft()
            if isinstance(event, Values):
                yield event
            elif isinstance(event, StreamEnd):
                yield from self._fetch(event.detections)
                yield event
            elif event.number > self._expected:
                self._session.events.clear()
                yield from self._fetch(event.number + 1)
            elif event.number == self._expected:
                self._expected += 1
                yield event

    def _fetch(self, count: int) -> Iterator[Detected]:
        """Detections up to `count` that have not been seen; the device keeps only the newest."""
        deadline = time.monotonic() + bulk.PROGRESS_TIMEOUT_S
        while self._expected < count:
            self._expected = max(self._expected, int(self._session.command(f"detections {self._expected}")["from"]))
            until = time.monotonic() + bulk.RETRANSMIT_S
            while self._expected < count and time.monotonic() < until:
                if not self._session.events and not self._session.pump(until - time.monotonic()):
                    break
                while self._session.events:
                    event = self._session.events.popleft()
                    if isinstance(event, Detected) and event.number == self._expected:
                        self._expected += 1
                        yield event
            if time.monotonic() > deadline:
                raise LinkLostError(f"{self.name}: detection {self._expected} could not be fetched")

    def events(self, duration_s: float | None = None) -> Iterator[Event | Status]:
        """What a device reports that hears its own microphone or sensors, live; a Status about once a second.

        Ends after `duration_s`, or never.
        """
        started = time.monotonic()
        next_status = started
        first = self.status()
        self._expected = first.detections
        while duration_s is None or time.monotonic() - started < duration_s:
            self._session.pump(_IDLE_S)
            yield from self._reported()
            if time.monotonic() >= next_status:
                next_status = time.monotonic() + 1.0
                state = self.status()
                self._expected = min(self._expected, state.detections)  # fewer: the app was started anew
                yield state


def _boot_timeout_s(stream: ByteStream) -> float:
    return EMULATOR_TIMEOUT_S if isinstance(stream, EmulatedDevice) else CONNECT_TIMEOUT_S


def _word(name: str) -> str:
    """`name`, if it can be a word of a command."""
    if not name or any(c.isspace() or not c.isprintable() for c in name) or name.startswith(("@", "*")):
        raise BadInputError(f"{name!r} cannot be a name on the device: letters, digits, '_' and '-' can")
    return name
