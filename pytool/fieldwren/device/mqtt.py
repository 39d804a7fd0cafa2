"""The link through an MQTT broker: a transport for the gateway, and a bridge that puts a device on the broker.

A device called NAME of a fleet called FLEET has three topics:

    fieldwren/FLEET/NAME/in     bytes for the device
    fieldwren/FLEET/NAME/out    bytes from the device
    fieldwren/FLEET/NAME/alive  retained: `1` while the device's bridge is connected, `0` (its last will) after

Bytes are those of docs/link.md; the link's own numbers and CRCs make what a broker may repeat or lose harmless. Who may
use which topic is the broker's affair: give every device a user of its own and an access list (docs/fleet-gateway.md).
"""

from __future__ import annotations

import contextlib
import os
import re
import ssl
import threading
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fieldwren.emulators.interface import ByteStream
from fieldwren.errors import BadInputError, LinkLostError, MissingToolError

SETTINGS = "FIELDWREN_MQTT"
"""Environment variable: the TOML file with `user`, `password` and, for TLS, `ca` (and `certificate`, `key`)."""

CONNECT_TIMEOUT_S = 10.0
_CHUNK = 4096
_QUEUED_MOST = 1 << 22
_ADDRESS = re.compile(r"^(mqtts?):([^/:\s]+|\[[^\]]+\])(?::(\d+))?/([^/+#\s]+)/([^/+#\s]+)$")
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_REFUSED = 128


@dataclass(frozen=True)
class MqttAddress:
    """Where a device is: `mqtts:HOST[:PORT]/FLEET/NAME`, or `mqtt:` for a broker without TLS."""

    host: str
    port: int
    tls: bool
    fleet: str
    device: str

    def topic(self, part: str) -> str:
        """The topic `in`, `out` or `alive` of this device."""
        return f"fieldwren/{self.fleet}/{self.device}/{part}"

    def __str__(self) -> str:
        return f"{'mqtts' if self.tls else 'mqtt'}:{self.host}:{self.port}/{self.fleet}/{self.device}"


@dataclass(frozen=True)
class Credentials:
    """What a client shows to the broker; files of TLS are PEM. None: not used."""

    user: str | None = None
    password: str | None = None
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


def parse_address(address: str) -> MqttAddress:
    """Raises BadInputError for anything but `mqtt[s]:HOST[:PORT]/FLEET/NAME`."""
    match = _ADDRESS.match(address)
    if match is None:
        raise BadInputError(f"{address}: the address of a device at a broker is mqtts:HOST[:PORT]/FLEET/NAME")
    scheme, host, port, fleet, device = match.groups()
    return MqttAddress(host.strip("[]"), int(port or _PORTS[scheme]), scheme == "mqtts", fleet, device)


def load_credentials(path: str | Path | None = None) -> Credentials:
    """From `path`, else from the file that the environment variable SETTINGS names, else none.

    Paths in the file are relative to its folder. Raises BadInputError naming the file and what is wrong in it.
    """
    name = path or os.environ.get(SETTINGS)
    if not name:
        return Credentials()
    file = Path(name)
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInputError(f"{file}: cannot be read as TOML: {error}") from error
    unknown = sorted(set(table) - {"user", "password", "ca", "certificate", "key"})
    if unknown or not all(isinstance(value, str) for value in table.values()):
        wrong = unknown[0] if unknown else next(k for k, v in table.items() if not isinstance(v, str))
        raise BadInputError(f"{file}: {wrong}: known are user, password, ca, certificate and key, all of them text")
    files = {key: file.parent / table[key] for key in ("ca", "certificate", "key") if key in table}
    for key, found in files.items():
        if not found.is_file():
            raise BadInputError(f"{file}: {key}: there is no file {found}")
    return Credentials(table.get("user"), table.get("password"), **files)


class MqttTransport:
    """The gateway's end of a device behind a broker; a byte stream as a serial port is."""

    def __init__(self, address: MqttAddress, credentials: Credentials) -> None:
        """Connects. Raises LinkLostError when the broker does not answer or refuses, or the device is not there."""
        self.name = str(address)
        self._broker = _Broker(address, credentials, hears=("out", "alive"), says="in")

    def read(self, size: int, timeout_s: float) -> bytes:
        """Up to `size` bytes; empty when none came in time. Raises LinkLostError when broker or device is gone."""
        return self._broker.read(size, timeout_s)

    def write(self, data: bytes) -> None:
        """Sends all of `data`. Raises LinkLostError when the broker is gone, or refuses this user the topic."""
        self._broker.write(data)

    def close(self) -> None:
        """Leaves the broker."""
        self._broker.close()


@contextlib.contextmanager
def bridge(stream: ByteStream, address: MqttAddress, credentials: Credentials) -> Iterator[threading.Event]:
    """Puts the device at `stream` on the broker until the block ends; the event is set when the device or broker is gone."""
    broker = _Broker(address, credentials, hears=("in",), says="out", will="alive")
    over = threading.Event()

    def outwards() -> None:
        with contextlib.suppress(LinkLostError):
            while not over.is_set():
                data = stream.read(_CHUNK, 0.1)
                if data:
                    broker.write(data)
        over.set()

    def inwards() -> None:
        with contextlib.suppress(LinkLostError):
            while not over.is_set():
                data = broker.read(_CHUNK, 0.1)
                if data:
                    stream.write(data)
        over.set()

    pumps = [threading.Thread(target=pump, daemon=True) for pump in (outwards, inwards)]
    for pump in pumps:
        pump.start()
    try:
        yield over
    finally:
        over.set()
        for pump in pumps:
            pump.join()
        broker.close()


class _Broker:
    """One connection: bytes from the topics in `hears`, bytes to the topic `says`; MQTT 5, which names refusals."""

    def __init__(
        self,
        address: MqttAddress,
        credentials: Credentials,
        *,
        hears: tuple[str, ...],
        says: str,
        will: str | None = None,
    ) -> None:
        mqtt = _paho()
        self.name = str(address)
        self._address = address
        self._says = address.topic(says)
        self._condition = threading.Condition()
        self._bytes = bytearray()
        self._failure: str | None = None
        self._waiting = 1 + len(hears)
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._will = address.topic(will) if will else None
        if self._will:
            self._client.will_set(self._will, b"0", qos=1, retain=True)
        if credentials.user is not None:
            self._client.username_pw_set(credentials.user, credentials.password)
        if address.tls:
            self._tls(credentials)
        self._client.on_connect = lambda *given: self._connected(given[3], hears)
        self._client.on_subscribe = lambda *given: self._subscribed(given[3])
        self._client.on_message = lambda *given: self._message(given[2])
        self._client.on_publish = lambda *given: self._published(given[3])
        self._client.on_disconnect = lambda *given: self._fail("the connection to the broker is lost")
        try:
            self._client.connect(address.host, address.port, keepalive=20)
        except (OSError, ssl.SSLError) as error:
            raise LinkLostError(f"{self.name}: cannot connect: {getattr(error, 'strerror', None) or error}") from error
        self._client.loop_start()
        try:
            self._wait_ready()
        except LinkLostError:
            self.close()
            raise
        if self._will:
            self._client.publish(self._will, b"1", qos=1, retain=True)

    def _tls(self, credentials: Credentials) -> None:
        try:
            self._client.tls_set(
                ca_certs=str(credentials.ca) if credentials.ca else None,
                certfile=str(credentials.certificate) if credentials.certificate else None,
                keyfile=str(credentials.key) if credentials.key else None,
            )
        except (OSError, ValueError, ssl.SSLError) as error:
            raise BadInputError(f"{self.name}: certificate or key cannot be used: {error}") from error

    def _wait_ready(self) -> None:
        with self._condition:
            deadline = time.monotonic() + CONNECT_TIMEOUT_S
            while self._waiting and self._failure is None and time.monotonic() < deadline:
                self._condition.wait(deadline - time.monotonic())
            if self._failure is not None:
                raise LinkLostError(f"{self.name}: {self._failure}")
            if self._waiting:
                raise LinkLostError(f"{self.name}: the broker does not answer")

    def _connected(self, reason: Any, hears: tuple[str, ...]) -> None:
        if reason.value >= _REFUSED:
            self._fail(f"the broker refuses this user: {reason}")
            return
        for part in hears:
            self._client.subscribe(self._address.topic(part), qos=1)
        with self._condition:
            self._waiting -= 1
            self._condition.notify_all()

    def _subscribed(self, reasons: Any) -> None:
        refused = [reason for reason in reasons if reason.value >= _REFUSED]
        if refused:
            self._fail(f"the broker refuses this user the topics of {self._address.device}: {refused[0]}")
        with self._condition:
            self._waiting -= 1
            self._condition.notify_all()

    def _published(self, reason: Any) -> None:
        if reason.value >= _REFUSED:
            self._fail(f"the broker refuses this user the topic {self._says}: {reason}")

    def _message(self, message: Any) -> None:
        if message.topic.endswith("/alive"):
            if message.payload == b"0":
                self._fail("the device is not connected to the broker")
            return
        with self._condition:
            if len(self._bytes) < _QUEUED_MOST:
                self._bytes += message.payload
            self._condition.notify_all()

    def _fail(self, reason: str) -> None:
        with self._condition:
            self._failure = self._failure or reason
            self._condition.notify_all()

    def read(self, size: int, timeout_s: float) -> bytes:
        deadline = time.monotonic() + max(0.0, timeout_s)
        with self._condition:
            while not self._bytes and self._failure is None:
                remaining = deadline - time.monotonic()
                if remaining <= 0 or not self._condition.wait(remaining):
                    break
            if not self._bytes and self._failure is not None:
                raise LinkLostError(f"{self.name}: {self._failure}")
            data = bytes(self._bytes[:size])
            del self._bytes[:size]
            return data

    def write(self, data: bytes) -> None:
        if self._failure is not None:
            raise LinkLostError(f"{self.name}: {self._failure}")
        for start in range(0, len(data), _CHUNK):
            self._client.publish(self._says, data[start : start + _CHUNK], qos=1)

    def close(self) -> None:
        if self._will and self._client.is_connected():
            with contextlib.suppress(ValueError, RuntimeError):
                self._client.publish(self._will, b"0", qos=1, retain=True).wait_for_publish(2.0)
        self._client.disconnect()
        self._client.loop_stop()


def _paho() -> Any:
    try:
        from paho.mqtt import client
    except ModuleNotFoundError as error:
        raise MissingToolError("devices at an MQTT broker need paho-mqtt: pip install fieldwren[fleet]") from error
    return client
