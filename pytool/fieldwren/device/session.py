"""Commands and answers: one session with one device, over a byte stream that may lose, repeat or damage bytes."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, Protocol

from fieldwren.device.frames import Broken, Frame, Line, Message, Splitter, encode_command
from fieldwren.device.results import (
    DeviceInfo,
    DeviceRefusedError,
    DeviceRestartedError,
    Event,
    device_info,
    event_of,
)
from fieldwren.emulators.interface import ByteStream
from fieldwren.errors import BadInputError, LinkLostError

PROTOCOLS = (1,)
"""Versions of the link's protocol that this host speaks: the current one and, from 2 on, the one before."""

ANSWER_TIMEOUT_S = 10.0
RETRY_S = 1.0
_READ_BYTES = 65536
_DAMAGE = {"garbled", "crc", "line", "syntax"}
"""Errors that say a line arrived damaged; the command is sent again at once."""


class Listener(Protocol):
    """Whoever takes the frames of one transfer as they come."""

    def frame(self, frame: Frame) -> None:
        """One frame of the transfer."""

    def tick(self) -> None:
        """Called whenever the session has looked for bytes, whether or not there were any."""


class Session:
    """One session: sends commands until they are answered, sorts what comes back.

    A command that changes state is executed exactly once however often it has to be sent. `frames` holds frames that
    came in, but those of a transfer go to its one of `listeners`; `events` what the device reported by itself; `broken`
    counts what arrived damaged.
    """

    def __init__(self, stream: ByteStream, name: str = "device") -> None:
        self.stream = stream
        self.name = name
        self.frames: deque[Frame] = deque()
        self.events: deque[Event] = deque()
        self.listeners: dict[int, Listener] = {}
        self.broken = 0
        self.boot_line: Mapping[str, Any] | None = None
        self._splitter = Splitter()
        self._answers: deque[Mapping[str, Any]] = deque()
        self._session = 0
        self._sequence = 0
        self._open = False

    def open(self, timeout_s: float) -> DeviceInfo:
        """Begins a session with whatever listens. Raises LinkLostError when nothing answers in `timeout_s`.

        A device that boots meanwhile is waited for; one whose protocol is not spoken here is a BadInputError.
        """
        self._session = secrets.randbits(32)
        self._sequence = 0
        self._open = False
        deadline = time.monotonic() + timeout_s
        command = encode_command(f"hello {self._session:08x}")
        while True:
            self.stream.write(command)
            answer = self._wait_hello(min(deadline, time.monotonic() + RETRY_S))
            if answer is not None:
                break
            if time.monotonic() >= deadline:
                raise LinkLostError(f"{self.name}: nothing answered within {timeout_s:g} s{self._heard()}")
        self._open = True
        self.boot_line = None
        return self.check_protocol(answer)

    def check_protocol(self, identity: Mapping[str, Any]) -> DeviceInfo:
        """Raises BadInputError unless the device speaks a protocol that this host speaks."""
        protocol = identity.get("protocol")
        if protocol not in PROTOCOLS:
            newer = isinstance(protocol, int) and protocol > max(PROTOCOLS)
            raise BadInputError(
                f"{self.name}: the device speaks link protocol {protocol} and this fieldwren "
                f"{' and '.join(map(str, PROTOCOLS))}: {'update fieldwren' if newer else 'flash the device anew'}"
            )
        return device_info(identity, self.name)

    def _wait_hello(self, until: float) -> Mapping[str, Any] | None:
        while time.monotonic() < until:
            self.pump(until - time.monotonic())
            while self._answers:
                answer = self._answers.popleft()
                if answer.get("ok") == "hello" and answer.get("session") == f"{self._session:08x}":
                    identity = answer.get("fieldwren")
                    return identity if isinstance(identity, dict) else {}
                if answer.get("error", {}).get("code") in _DAMAGE:
                    return None
        return None

    def _heard(self) -> str:
        if self.broken:
            return ": bytes came, but none that make sense: is the baud rate right, and the firmware a fieldwren?"
        return ": is the firmware running?"

    def command(self, text: str, timeout_s: float = ANSWER_TIMEOUT_S) -> Mapping[str, Any]:
        """Sends a command until it is answered; the fields of the answer.

        Raises DeviceRefusedError when the device says no, DeviceRestartedError when it began anew, LinkLostError when it
        does not answer in `timeout_s`.
        """
        self._sequence += 1
        line = encode_command(text, session=self._session, sequence=self._sequence)
        deadline = time.monotonic() + timeout_s
        while True:
            self.stream.write(line)
            answer = self._wait_answer(min(deadline, time.monotonic() + RETRY_S))
            if answer is not None:
                return self._accept(text, answer)
            if time.monotonic() >= deadline:
                raise LinkLostError(f"{self.name}: no answer to `{text}` within {timeout_s:g} s")

    def _wait_answer(self, until: float) -> Mapping[str, Any] | None:
        """The answer to the newest command; None when it has to be sent again."""
        while True:
            while self._answers:
                answer = self._answers.popleft()
                if answer.get("seq") == self._sequence:
                    return answer
                if "seq" not in answer and answer.get("error", {}).get("code") in _DAMAGE:
                    return None
            remaining = until - time.monotonic()
            if remaining <= 0:
                return None
            self.pump(remaining)

    def _accept(self, text: str, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        error = answer.get("error")
        if not isinstance(error, dict):
            return answer
        code = str(error.get("code"))
        if code == "no_session":
            self._open = False
            raise DeviceRestartedError(f"{self.name}: the device has restarted since the session began")
        word = f" ({error['word']})" if "word" in error else ""
        raise DeviceRefusedError(f"{self.name}: `{text}` was refused: {error.get('message')}{word}", code)

    def pump(self, timeout_s: float) -> bool:
        """Takes in what has arrived, waiting at most `timeout_s` for the first byte; False when nothing came.

        Raises DeviceRestartedError when the device began anew in the middle of the session.
        """
        data = self.stream.read(_READ_BYTES, max(0.0, timeout_s))
        for message in self._splitter.feed(data):
            self._sort(message)
        for listener in list(self.listeners.values()):
            listener.tick()
        return bool(data)

    def _sort(self, message: Message) -> None:
        if isinstance(message, Frame):
            listener = self.listeners.get(message.transfer)
            if listener is not None:
                listener.frame(message)
            else:
                self.frames.append(message)
        elif isinstance(message, Broken):
            self.broken += 1
        elif not message.checked and self._open:
            self._unchecked(message)
        else:
            self._line(message)

    def _unchecked(self, line: Line) -> None:
        """In a session every line carries its CRC; but a device that has just begun knows of no session."""
        if not self._is_boot(line):
            self.broken += 1
            return
        self.boot_line = line.fields["fieldwren"]
        self._open = False
        raise DeviceRestartedError(f"{self.name}: the device restarted in the middle of the session")

    def _is_boot(self, line: Line) -> bool:
        return next(iter(line.fields), None) == "fieldwren" and isinstance(line.fields["fieldwren"], dict)

    def _line(self, line: Line) -> None:
        fields = line.fields
        if self._is_boot(line):
            self.boot_line = fields["fieldwren"]
        elif "ok" in fields or isinstance(fields.get("error"), dict):
            self._answers.append(fields)
        elif (event := event_of(fields)) is not None:
            self.events.append(event)
        else:
            self.broken += 1
