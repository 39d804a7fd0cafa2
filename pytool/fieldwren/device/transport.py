"""Ways to reach a device, all behind one small interface: a process, TCP, a Unix socket, a pseudo terminal, a serial port.

An emulated device (fieldwren.emulators) has the same interface and needs nothing from here.
"""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from fieldwren.emulators.interface import ByteStream
from fieldwren.errors import BadInputError, LinkLostError, MissingToolError

CONNECT_TIMEOUT_S = 5.0
WRITE_TIMEOUT_S = 10.0
DEFAULT_BAUD = 115_200

ADDRESS_FORMS = (
    "/dev/tty… or COM…[@BAUD], usb[:VID:PID][@BAUD], tcp:HOST:PORT, unix:PATH, pty:PATH, process:COMMAND, "
    "mqtts:HOST[:PORT]/FLEET/NAME"
)


class Transport(ByteStream, Protocol):
    """A byte stream that this side opened and has to close."""

    name: str

    def close(self) -> None:
        """Lets go of the device; harmless when done twice."""


class SocketTransport:
    """TCP or a Unix socket, and the standard input and output of a process."""

    def __init__(self, stream: socket.socket, name: str) -> None:
        self._stream = stream
        self.name = name

    @classmethod
    def tcp(cls, host: str, port: int) -> SocketTransport:
        """Connects to a TCP server. Raises LinkLostError when nobody answers."""
        name = f"tcp:{host}:{port}"
        try:
            stream = socket.create_connection((host, port), CONNECT_TIMEOUT_S)
        except OSError as error:
            raise LinkLostError(f"{name}: cannot connect: {error.strerror or error}") from error
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(stream, name)

    @classmethod
    def unix(cls, path: str) -> SocketTransport:
        """Connects to a Unix socket. Raises LinkLostError when nobody answers."""
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            stream.settimeout(CONNECT_TIMEOUT_S)
            stream.connect(path)
        except OSError as error:
            stream.close()
            raise LinkLostError(f"unix:{path}: cannot connect: {error.strerror or error}") from error
        return cls(stream, f"unix:{path}")

    def read(self, size: int, timeout_s: float) -> bytes:
        """Up to `size` bytes; empty when none came in time. Raises LinkLostError when the other end is closed."""
        try:
            ready, _, _ = select.select([self._stream], [], [], max(0.0, timeout_s))
            if not ready:
                return b""
            data = self._stream.recv(size)
        except (OSError, ValueError) as error:
            raise LinkLostError(f"{self.name}: the connection is lost: {error}") from error
        if not data:
            raise LinkLostError(f"{self.name}: the other end closed the connection")
        return data

    def write(self, data: bytes) -> None:
        """Sends all of `data`. Raises LinkLostError when the other end is closed or takes nothing."""
        try:
            self._stream.settimeout(WRITE_TIMEOUT_S)
            self._stream.sendall(data)
        except TimeoutError as error:
            raise LinkLostError(f"{self.name}: the device took no bytes for {WRITE_TIMEOUT_S:g} s") from error
        except OSError as error:
            raise LinkLostError(f"{self.name}: the connection is lost: {error.strerror or error}") from error

    def close(self) -> None:
        """Closes the socket."""
        self._stream.close()


class ProcessTransport(SocketTransport):
    """A child process that speaks the link on its standard input and output."""

    def __init__(self, command: Sequence[str]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = subprocess.Popen(command, stdin=theirs.fileno(), stdout=theirs.fileno())
            except OSError as error:
                ours.close()
                raise MissingToolError(f"{command[0]}: cannot be started: {error.strerror or error}") from error
        super().__init__(ours, f"process:{command[0]}")

    def close(self) -> None:
        """Closes the link, and ends the process if that did not."""
        super().close()
        try:
            self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class PtyTransport:
    """The other end of a pseudo terminal that a program offers (Renode, socat); raw, without echo."""

    def __init__(self, path: str) -> None:
        import termios
        import tty

        self.name = f"pty:{path}"
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError as error:
            raise MissingToolError(f"{self.name}: cannot be opened: {error.strerror or error}") from error
        try:
            tty.setraw(self._descriptor)
        except termios.error as error:
            os.close(self._descriptor)
            raise BadInputError(f"{self.name}: is no terminal") from error

    def read(self, size: int, timeout_s: float) -> bytes:
        """Up to `size` bytes; empty when none came in time. Raises LinkLostError when the other end is closed."""
        try:
            ready, _, _ = select.select([self._descriptor], [], [], max(0.0, timeout_s))
            if not ready:
                return b""
            data = os.read(self._descriptor, size)
        except BlockingIOError:
            return b""
        except (OSError, ValueError) as error:
            raise LinkLostError(f"{self.name}: the other end is gone") from error
        if not data:
            raise LinkLostError(f"{self.name}: the other end is gone")
        return data

    def write(self, data: bytes) -> None:
        """Sends all of `data`. Raises LinkLostError when the other end is gone or takes nothing."""
        deadline = time.monotonic() + WRITE_TIMEOUT_S
        remaining = memoryview(data)
        while remaining:
            if time.monotonic() > deadline:
                raise LinkLostError(f"{self.name}: the device took no bytes for {WRITE_TIMEOUT_S:g} s")
            try:
                select.select([], [self._descriptor], [], 0.1)
                remaining = remaining[os.write(self._descriptor, remaining) :]
            except BlockingIOError:
                continue
            except (OSError, ValueError) as error:
                raise LinkLostError(f"{self.name}: the other end is gone") from error

    def close(self) -> None:
        """Closes this end."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1


def open_transport(address: str) -> Transport:
    """Opens a device by its address.

    Addresses: `/dev/ttyACM0` or `COM3` (`@BAUD` may follow; 115200 if not), `usb` (the one serial port that belongs to a
    known board) or `usb:VID:PID`, `tcp:HOST:PORT`, `unix:PATH`, `pty:PATH`, `process:COMMAND`, and a device behind an MQTT
    broker as `mqtts:HOST:PORT/FLEET/NAME` (fieldwren.device.mqtt).
    Raises BadInputError for any other text, MissingToolError when there is no such port (or several, or it is busy or
    forbidden), LinkLostError when nobody answers.
    """
    scheme, _, rest = address.partition(":")
    if scheme == "tcp":
        host, _, port = rest.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise BadInputError(f"{address}: a TCP address is tcp:HOST:PORT")
        return SocketTransport.tcp(host.strip("[]"), int(port))
    if scheme == "unix" and rest:
        return SocketTransport.unix(rest)
    if scheme == "pty" and rest:
        return PtyTransport(rest)
    if scheme == "process" and rest:
        return ProcessTransport(shlex.split(rest))
    if scheme in ("mqtt", "mqtts"):
        from fieldwren.device import mqtt

        return mqtt.MqttTransport(mqtt.parse_address(address), mqtt.load_credentials())
    from fieldwren.device import serial_port

    target, _, baud = address.partition("@")
    if baud and not baud.isdecimal():
        raise BadInputError(f"{address}: the baud rate {baud!r} is no number")
    speed = int(baud) if baud else DEFAULT_BAUD
    if target == "usb" or target.startswith("usb:"):
        return serial_port.open_usb(target, speed)
    if target.upper().startswith("COM") or Path(target).is_absolute():
        return serial_port.SerialTransport(target, speed)
    raise BadInputError(f"{address!r} is no address of a device: use {ADDRESS_FORMS}")
