"""The same device over every transport, and what is said when one cannot be opened."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest

from fieldwren.device import DeviceClient, PortInfo, find_port, open_transport
from fieldwren.device.serial_port import SerialTransport, explain_open_error
from fieldwren.errors import BadInputError, LinkLostError, MissingToolError
from link import devices


@contextmanager
def on_descriptor(device: Path, descriptor: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([device], stdin=descriptor, stdout=descriptor)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def on_pty(device: Path) -> Iterator[str]:
    """The device behind a pseudo terminal; the path of the end that a program would open."""
    master, slave = os.openpty()
    try:
        with on_descriptor(device, master):
            yield os.ttyname(slave)
    finally:
        os.close(master)
        os.close(slave)


@contextmanager
def on_listener(device: Path, listener: socket.socket) -> Iterator[None]:
    """The device at the other end of the first connections that come, one process each."""
    stack = ExitStack()

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                stack.enter_context(on_descriptor(device, connection.fileno()))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
        stack.close()


@contextmanager
def at_tcp(device: Path, _folder: Path) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    with on_listener(device, listener):
        yield f"tcp:127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def at_unix(device: Path, folder: Path) -> Iterator[str]:
    path = folder / "link"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    with on_listener(device, listener):
        yield f"unix:{path}"


@contextmanager
def at_pty(device: Path, _folder: Path) -> Iterator[str]:
    with on_pty(device) as path:
        yield f"pty:{path}"


@contextmanager
def at_serial(device: Path, _folder: Path) -> Iterator[str]:
    with on_pty(device) as path:
        yield f"{path}@57600"


@contextmanager
def at_process(device: Path, _folder: Path) -> Iterator[str]:
    yield f"process:{device}"


@pytest.mark.parametrize("place", [at_tcp, at_unix, at_pty, at_serial, at_process])
def test_a_device_over_each_transport(
    keyword_device: Path, tmp_path: Path, place: Callable[[Path, Path], object]
) -> None:
    data = np.random.default_rng(9).integers(0, 256, 5000).astype(np.uint8).tobytes()
    with place(keyword_device, tmp_path) as address:  # type: ignore[attr-defined]  # all are context managers
        with DeviceClient.open(address) as client:
            assert client.info.app == "tiny"
            client.put("mail", data)
            assert client.get("mail") == data
            end = list(client.stream(np.zeros(8000, np.int16)))[-1]
            assert end.t_ms == 1000
        client.close()


def test_a_lost_connection_can_be_made_again(keyword_device: Path, tmp_path: Path) -> None:
    with at_tcp(keyword_device, tmp_path) as address, DeviceClient.open(address) as client:
        assert client.set_threshold("low", 0.9) == 0.9
        client._stream.close()  # type: ignore[attr-defined]  # the cable is pulled
        with pytest.raises(LinkLostError):
            client.status()
        assert client.reconnect().app == "tiny"
        assert client.label(1).threshold == 0.45  # a new process


def test_a_device_that_ends_is_a_lost_link(keyword_device: Path) -> None:
    transport = devices.start(keyword_device)
    client = DeviceClient(transport)
    transport._process.kill()
    with pytest.raises(LinkLostError):
        client.status()
    transport.close()


def test_a_device_that_is_silent_is_a_lost_link() -> None:
    ours, theirs = socket.socketpair()
    from fieldwren.device.transport import SocketTransport

    with ours, theirs:
        started = time.monotonic()
        with pytest.raises(LinkLostError, match=r"nothing answered within 0.3 s: is the firmware running"):
            DeviceClient(SocketTransport(ours, "x"), "x", timeout_s=0.3)
        assert time.monotonic() - started < 2
        theirs.send(b"\x80\x81garbage\n" * 5)
        with pytest.raises(LinkLostError, match="is the baud rate right"):
            DeviceClient(SocketTransport(ours, "x"), "x", timeout_s=0.3)


@pytest.mark.parametrize(
    ("address", "kind", "message"),
    [
        ("porch", BadInputError, "is no address of a device: use /dev/tty"),
        ("tcp:host", BadInputError, "tcp:HOST:PORT"),
        ("tcp:host:99999", BadInputError, "tcp:HOST:PORT"),
        ("tcp:127.0.0.1:1", LinkLostError, "cannot connect: "),
        ("unix:/nowhere/link", LinkLostError, "cannot connect: No such file"),
        ("pty:/nowhere/pty", MissingToolError, "cannot be opened: No such file"),
        ("pty:/dev/null", BadInputError, "is no terminal"),
        ("process:/nowhere/firmware", MissingToolError, "cannot be started: No such file"),
        ("/dev/ttyNOWHERE7", MissingToolError, "there is no such port: plug the board in"),
        ("/dev/ttyNOWHERE7@fast", BadInputError, "the baud rate 'fast' is no number"),
        ("usb:zz:1", BadInputError, "give them as VID:PID"),
    ],
)
def test_what_cannot_be_opened(address: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        open_transport(address)
    assert message in str(caught.value)


def test_a_busy_port_is_named(keyword_device: Path) -> None:
    with on_pty(keyword_device) as path:
        first = SerialTransport(path, 115200)
        with pytest.raises(MissingToolError, match="another program has it open"):
            SerialTransport(path, 115200)
        first.close()
        SerialTransport(path, 115200).close()


def test_a_forbidden_port_is_explained() -> None:
    error = PermissionError(errno.EACCES, "Permission denied")
    message = explain_open_error("/dev/ttyACM0", error)
    assert message.startswith("/dev/ttyACM0: no permission: ") and "dialout" in message and "udev" in message


NANO = PortInfo("/dev/ttyACM0", "Nano", 0x2341, 0x805A, "1")
XIAO = PortInfo("/dev/ttyACM1", "XIAO", 0x2886, 0x8045, "2")
MODEM = PortInfo("/dev/ttyS0", "ttyS0", None, None, None)


def test_the_port_of_the_board_is_found() -> None:
    assert find_port(ports=[MODEM, NANO]) == NANO
    assert find_port("2886:8045", ports=[MODEM, NANO, XIAO]) == XIAO


@pytest.mark.parametrize(
    ("ids", "ports", "message"),
    [
        (None, [], "no serial port belongs to a known board: plug the board in"),
        (None, [MODEM], "other ports: /dev/ttyS0 (ttyS0)"),
        (
            None,
            [NANO, XIAO],
            "2 serial ports belong to a known board: /dev/ttyACM0 (Arduino Nano 33 BLE [2341:805a]), ",
        ),
        ("1:2", [NANO], "no serial port belongs to USB id 0001:0002"),
    ],
)
def test_no_port_or_several(ids: str | None, ports: list[PortInfo], message: str) -> None:
    with pytest.raises(MissingToolError) as caught:
        find_port(ids, ports=ports)
    assert message in str(caught.value)
