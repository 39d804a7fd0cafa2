"""A gateway for other processes: it owns the links, and whoever may open its socket gives tasks to its devices.

A Flower SuperNode runs its ClientApp in a process of its own, which cannot hold a serial port that has to stay open between
rounds. So the gateway holds it, and the ClientApp (fieldwren.fleet.supernode) asks through a Unix socket, which only
its owner may open. Requests and answers are two blocks each behind their lengths (uint32, big-endian): a JSON object,
and bytes.
"""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import struct
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fieldwren.errors import BadInputError, FieldwrenError, LinkLostError
from fieldwren.fleet.device import FleetDevice, Vector
from fieldwren.fleet.federation import load_federation
from fieldwren.fleet.members import closing
from fieldwren.fleet.population import load_population
from fieldwren.fleet.run import members_of

_LENGTHS = struct.Struct(">II")
_BLOCK_MOST = 1 << 26
_GRACE_S = 30.0


@contextlib.contextmanager
def serving(devices: Sequence[FleetDevice], path: str | Path, about: Mapping[str, int]) -> Iterator[None]:
    """Answers for `devices` at the Unix socket `path` until the block ends; `about` is what `gateway_facts` gives.

    Raises BadInputError if the path is taken.
    """
    known = {device.name: device for device in devices}
    locks = {name: threading.Lock() for name in known}

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError, LinkLostError):
                while (request := _receive(self.request)) is not None:
                    _send(self.request, *_answer(known, locks, about, *request))

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True

    place = Path(path)
    try:
        server = Server(str(place), Handler)
    except OSError as error:
        raise BadInputError(f"{place}: cannot listen there: {error.strerror or error}") from error
    place.chmod(0o600)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        place.unlink(missing_ok=True)


def serve(
    federation: str | Path, path: str | Path, *, only: Sequence[str] = (), stop: threading.Event | None = None
) -> None:
    """Holds the links of a federation's devices (`only` those named) and answers at the socket `path` until `stop`.

    Every device is connected and told its samples before the socket opens. Raises BadInputError for a name that is no
    device, and as LinkedDevice.prepare.
    """
    loaded = load_federation(federation)
    with tempfile.TemporaryDirectory(prefix="fieldwren-fleet-") as folder:
        population = load_population(loaded)
        members = [m for m in members_of(population, Path(folder)) if not only or m.name in only]
        missing = set(only) - {member.name for member in members}
        if missing:
            raise BadInputError(f"{loaded.path}: has no device {sorted(missing)[0]!r}: they are named {KIND_NUMBER}")
        with closing(members):
            for member in members:
                if member.link is not None:
                    member.link.prepare()
            classes, features = population.shape
            about = {"model": population.learner().model, "classes": classes, "features": features}
            with serving([member.device for member in members], path, about):
                print(f"{len(members)} devices at {path}", file=sys.stderr, flush=True)
                (stop or threading.Event()).wait()


KIND_NUMBER = "KIND-NUMBER, as emulated-0"


class GatewayDevice:
    """A FleetDevice whose link another process owns."""

    def __init__(self, path: str | Path, name: str, timeout_s: float) -> None:
        """Connects to the gateway at `path`. Raises LinkLostError when it does not listen, or has no such device."""
        self._name = name
        self._timeout_s = timeout_s
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(timeout_s + _GRACE_S)
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise LinkLostError(f"{path}: no gateway listens there: {error.strerror or error}") from error
        self.bytes_down = 0
        self.bytes_up = 0

    @property
    def name(self) -> str:
        """What the server and the audit log call it."""
        return self._name

    def adapt(self, task: bytes) -> bytes:
        """As FleetDevice says."""
        return self._ask("adapt", task)[1]

    def evaluate(self, head: Vector) -> tuple[int, int]:
        """As FleetDevice says."""
        said, _ = self._ask("evaluate", head.astype("<f4").tobytes())
        return int(said["correct"]), int(said["tested"])

    def close(self) -> None:
        """Lets go of the gateway."""
        self._socket.close()

    def _ask(self, verb: str, body: bytes) -> tuple[dict[str, Any], bytes]:
        try:
            _send(self._socket, {"device": self._name, "verb": verb}, body)
            answer = _receive(self._socket)
        except OSError as error:
            raise LinkLostError(f"{self._name}: its gateway does not answer: {error}") from error
        if answer is None:
            raise LinkLostError(f"{self._name}: its gateway is gone")
        said, data = answer
        if "error" in said:
            raise LinkLostError(str(said["error"]))
        if "bytes_down" in said:
            self.bytes_down, self.bytes_up = int(said["bytes_down"]), int(said["bytes_up"])
        return said, data


def _answer(
    known: dict[str, FleetDevice],
    locks: dict[str, threading.Lock],
    about: Mapping[str, int],
    asked: dict[str, Any],
    body: bytes,
) -> tuple[dict[str, Any], bytes]:
    if asked.get("verb") == "about":
        return {"devices": list(known), **about}, b""
    device = known.get(str(asked.get("device")))
    if device is None:
        return {"error": f"{asked.get('device')}: this gateway has no such device: {', '.join(known)}"}, b""
    data, said = b"", dict[str, Any]()
    try:
        with locks[device.name]:
            if asked.get("verb") == "adapt":
                data = device.adapt(body)
            elif asked.get("verb") == "evaluate":
                said["correct"], said["tested"] = device.evaluate(np.frombuffer(body, "<f4").astype(np.float32))
            else:
                return {"error": f"{asked.get('verb')}: a gateway knows adapt and evaluate"}, b""
    except (FieldwrenError, ValueError) as error:
        return {"error": str(error)}, b""
    return said | {"bytes_down": device.bytes_down, "bytes_up": device.bytes_up}, data


@dataclass(frozen=True)
class GatewayFacts:
    """What a gateway says of its devices: names, CRC of the factory head they start from, and its shape."""

    devices: tuple[str, ...]
    model: int
    classes: int
    features: int


def gateway_facts(path: str | Path) -> GatewayFacts:
    """Asks the gateway at `path`. Raises LinkLostError when none listens."""
    device = GatewayDevice(path, "", _GRACE_S)
    try:
        said, _ = device._ask("about", b"")
    finally:
        device.close()
    return GatewayFacts(tuple(said["devices"]), int(said["model"]), int(said["classes"]), int(said["features"]))


def _send(stream: socket.socket, said: dict[str, Any], body: bytes) -> None:
    text = json.dumps(said).encode()
    stream.sendall(_LENGTHS.pack(len(text), len(body)) + text + body)


def _receive(stream: socket.socket) -> tuple[dict[str, Any], bytes] | None:
    """None at the end of the connection. Raises LinkLostError for what is no message."""
    header = _exactly(stream, _LENGTHS.size)
    if header is None:
        return None
    lengths = _LENGTHS.unpack(header)
    if max(lengths) > _BLOCK_MOST:
        raise LinkLostError("a message to the gateway is too long")
    text, body = _exactly(stream, lengths[0]), _exactly(stream, lengths[1])
    if text is None or body is None:
        return None
    try:
        said = json.loads(text)
    except ValueError as error:
        raise LinkLostError("a message to the gateway is no JSON") from error
    return (said if isinstance(said, dict) else {}), body


def _exactly(stream: socket.socket, count: int) -> bytes | None:
    data = bytearray()
    while len(data) < count:
        part = stream.recv(min(65536, count - len(data)))
        if not part:
            return None
        data += part
    return bytes(data)
