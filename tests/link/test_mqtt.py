"""The link through an MQTT broker: TLS, a user and an access list for every device."""

from __future__ import annotations

import datetime
import ipaddress
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from fieldwren.device import DeviceClient
from fieldwren.device.mqtt import Credentials, MqttTransport, bridge, load_credentials, parse_address
from fieldwren.device.transport import open_transport
from fieldwren.errors import BadInputError, LinkLostError
from fieldwren.fleet.members import closing as members_closing
from fleet.members import TinyFleet
from fleet.test_gateway import head_of_simulation, is_balanced, rounds
from link.devices import KEYWORD, build_device, start
from support import require_module, require_tool

USERS = {"gateway": "west wind", "wren-1": "small bird", "wren-2": "other bird"}


@dataclass(frozen=True)
class Broker:
    """A running mosquitto; `credentials(user)` are those it knows."""

    port: int
    ca: Path

    def credentials(self, user: str) -> Credentials:
        return Credentials(user, USERS[user], self.ca)

    def address(self, device: str) -> str:
        return f"mqtts:localhost:{self.port}/porch/{device}"


def certificates(folder: Path) -> None:
    """An authority of our own (ca.pem), and a certificate for localhost and 127.0.0.1 (broker.pem, broker.key)."""
    require_module("cryptography")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def signed(subject: str, key: ec.EllipticCurvePrivateKey, is_ca: bool) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name("porch authority"))
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(hours=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(authority, hashes.SHA256())

    authority = ec.generate_private_key(ec.SECP256R1())
    key = ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(signed("porch authority", authority, True).public_bytes(pem))
    (folder / "broker.pem").write_bytes(signed("localhost", key, False).public_bytes(pem))
    (folder / "broker.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", "/usr/sbin", prepend=os.pathsep)  # where Debian puts it, and few users look
        program, passwd = require_tool("mosquitto"), require_tool("mosquitto_passwd")
    require_module("paho.mqtt.client")
    require_tool("cc")
    folder = tmp_path_factory.mktemp("broker")
    certificates(folder)
    (folder / "passwords").write_text("".join(f"{user}:{password}\n" for user, password in USERS.items()))
    subprocess.run([passwd, "-U", folder / "passwords"], check=True)
    (folder / "access").write_text(
        "user gateway\ntopic write fieldwren/porch/+/in\ntopic read fieldwren/porch/+/out\n"
        "topic read fieldwren/porch/+/alive\n\n"
        "pattern read fieldwren/porch/%u/in\npattern write fieldwren/porch/%u/out\npattern write fieldwren/porch/%u/alive\n"
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    (folder / "mosquitto.conf").write_text(
        f"listener {port} localhost\ncafile {folder}/ca.pem\ncertfile {folder}/broker.pem\nkeyfile {folder}/broker.key\n"
        f"allow_anonymous false\npassword_file {folder}/passwords\nacl_file {folder}/access\nuser root\n"
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "-c", folder / "mosquitto.conf"], stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 10
            while True:
                try:
                    socket.create_connection(("localhost", port), 1).close()
                    break
                except OSError:
                    assert process.poll() is None, (folder / "log").read_text()
                    assert time.monotonic() < deadline
                    time.sleep(0.02)
            yield Broker(port, folder / "ca.pem")
        finally:
            process.terminate()
            process.wait()


@contextmanager
def on_the_broker(broker: Broker, device: str, tmp_path: Path) -> Iterator[None]:
    """A device of its own, behind the broker."""
    firmware = start(build_device(KEYWORD, tmp_path))
    try:
        with bridge(firmware, parse_address(broker.address(device)), broker.credentials(device)):
            yield
    finally:
        firmware.close()


@pytest.mark.slow
def test_a_device_behind_a_broker_is_a_device(broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "mqtt.toml"
    settings.write_text(f'user = "gateway"\npassword = "{USERS["gateway"]}"\nca = "{broker.ca}"\n')
    monkeypatch.setenv("FIELDWREN_MQTT", str(settings))
    with on_the_broker(broker, "wren-1", tmp_path), on_the_broker(broker, "wren-2", tmp_path):
        for device in ("wren-1", "wren-2"):
            with DeviceClient.open(broker.address(device)) as client:
                data = bytes(range(256)) * 15
                client.put("mail", data)
                assert client.get("mail") == data
    transport = open_transport(broker.address("wren-1"))
    with pytest.raises(LinkLostError, match="not connected to the broker"):
        transport.read(1, 5.0)
    transport.close()


def test_who_may_not_is_refused(broker: Broker) -> None:
    address = parse_address(broker.address("wren-1"))
    gateway = broker.credentials("gateway")
    with pytest.raises(LinkLostError, match=r"refuses this user: (Not authorized|Bad user)"):
        MqttTransport(address, replace(gateway, password="east wind"))
    with pytest.raises(LinkLostError, match="refuses this user"):
        MqttTransport(address, replace(gateway, user="nobody"))
    with pytest.raises(LinkLostError, match="certificate verify failed"):
        MqttTransport(address, replace(gateway, ca=None))
    with pytest.raises(LinkLostError, match=r"cannot connect|lost|answer"):
        MqttTransport(replace(address, tls=False), gateway)


def test_a_foreign_topic_is_refused(broker: Broker) -> None:
    """wren-2 may neither hear what is meant for wren-1 nor speak in its name."""
    from fieldwren.device.mqtt import _Broker

    address, foreigner = parse_address(broker.address("wren-1")), broker.credentials("wren-2")
    speaker = _Broker(address, foreigner, hears=(), says="out")
    speaker.write(b"I am wren-1")
    with pytest.raises(LinkLostError, match="refuses this user the topic"):
        speaker.read(1, 5.0)
    speaker.close()
    hearer = _Broker(address, foreigner, hears=("in",), says="out")
    gateway = MqttTransport(address, broker.credentials("gateway"))
    gateway.write(b"for wren-1 alone")
    with pytest.raises(LinkLostError, match="refuses this user the topic"):  # the answer to its own words comes later
        hearer.write(b"?")
        assert hearer.read(100, 5.0) == b""
    hearer.close()
    gateway.close()


@pytest.mark.parametrize(
    "address", ["mqtt:host", "mqtt:host/fleet", "mqtts:host:1883/a/b/c", "mqtts:host/a/+", "mqtt:/a/b"]
)
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(BadInputError, match="HOST"):
        parse_address(address)


def test_credentials_name_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "mqtt.toml"
    for text, words in (
        ("user = 1", "user"),
        ('pasword = "x"', "pasword"),
        ('ca = "none.pem"', "none.pem"),
        ("=", "TOML"),
    ):
        file.write_text(text)
        with pytest.raises(BadInputError, match=words):
            load_credentials(file)
    file.write_text('user = "a"\npassword = "b"\n')
    assert load_credentials(file) == Credentials("a", "b")


@pytest.mark.slow
def test_members_of_a_fleet_behind_a_broker_learn_what_virtual_ones_do(
    broker: Broker, fleet_device: Path, tmp_path: Path
) -> None:
    tiny = TinyFleet(2, tmp_path / "app")
    with ExitStack() as open_:
        members = []
        for name, user in zip(tiny.names, ("wren-1", "wren-2"), strict=True):
            (tmp_path / user).mkdir()
            firmware = open_.enter_context(closing(start(fleet_device, tmp_path / user)))
            address = parse_address(broker.address(user))
            open_.enter_context(bridge(firmware, address, broker.credentials(user)))
            gateway = broker.credentials("gateway")
            link = tiny.link(name, lambda address=address, gateway=gateway: closing(MqttTransport(address, gateway)))
            members.append(tiny.checked(link))
        open_.enter_context(members_closing(members))
        server = tiny.server()
        assert is_balanced(rounds(server, members))
    assert server.head_sha256 == head_of_simulation(tiny)
