"""Two gateways under Flower's SuperLink and SuperNodes, every part a process of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from fieldwren.fleet.simulate import simulate
from fleet.test_run import HOST, federation
from link.test_mqtt import certificates
from support import CHECKOUT, require_module, require_tool

START_S = 300.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(command: Sequence[str | Path], log: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as file:
        process = subprocess.Popen([*map(str, command)], stdout=file, stderr=file, env=environment)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(path: Path, logs: Path, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < until, "\n".join(f"{log}: {log.read_text()[-2000:]}" for log in logs.glob("*.log"))
        time.sleep(0.1)


def keys(folder: Path, count: int) -> None:
    """A key pair for each SuperNode, as ssh-keygen -t ecdsa -b 384 makes them: node-0, node-0.pub, ..."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    for number in range(count):
        key = ec.generate_private_key(ec.SECP384R1())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
        public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        (folder / f"node-{number}").write_bytes(private)
        (folder / f"node-{number}").chmod(0o600)
        (folder / f"node-{number}.pub").write_bytes(public)


def asked(command: Sequence[str | Path], environment: dict[str, str]) -> str:
    """What a `flwr` command says, once the SuperLink listens."""
    until = time.monotonic() + START_S
    while True:
        ran = subprocess.run([*map(str, command)], env=environment, capture_output=True, text=True, check=False)
        if ran.returncode == 0:
            return ran.stdout
        assert time.monotonic() < until, ran.stdout + ran.stderr
        time.sleep(1.0)


@pytest.mark.long
@pytest.mark.parametrize("is_secure", [False, True], ids=["plain", "tls"])
def test_two_gateways_learn_what_one_process_does(tmp_path: Path, is_secure: bool) -> None:
    """With TLS every SuperNode proves who it is by a key that the SuperLink was told; a third, unknown one is left out."""
    require_module("flwr")
    require_tool("cc")
    programs = Path(sys.executable).parent
    path, result = federation(tmp_path, HOST, rounds=2), tmp_path / "result.json"
    home = tmp_path / "flower"
    home.mkdir()
    port = free_port()
    host, secure = (
        ("localhost", f'root-certificates = "{tmp_path}/ca.pem"') if is_secure else ("127.0.0.1", "insecure = true")
    )
    (home / "config.toml").write_text(
        f'[superlink]\ndefault = "here"\n\n[superlink.here]\naddress = "{host}:{port}"\n{secure}\n'
    )
    link_flags: list[str | Path] = ["--insecure"]
    node_flags: list[list[str | Path]] = [["--insecure"], ["--insecure"]]
    if is_secure:
        certificates(tmp_path)
        keys(tmp_path, 3)
        link_flags = ["--ssl-ca-certfile", tmp_path / "ca.pem", "--ssl-certfile", tmp_path / "broker.pem"]
        link_flags += ["--ssl-keyfile", tmp_path / "broker.key", "--enable-supernode-auth"]
        trusted: list[str | Path] = ["--root-certificates", tmp_path / "ca.pem"]
        node_flags = [[*trusted, "--auth-supernode-private-key", tmp_path / f"node-{n}"] for n in range(3)]
    path_ = f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "PATH": path_, "FLWR_HOME": str(home), "FLWR_TELEMETRY_ENABLED": "0"}
    with ExitStack() as open_:
        for number in range(2):
            gateway = tmp_path / f"gateway-{number}"
            command: list[str | Path] = [sys.executable, "-m", "fieldwren", "fleet", "serve", path]
            command += ["--socket", gateway, "--only", f"emulated-{number}"]
            open_.enter_context(started(command, tmp_path / f"gateway-{number}.log", environment))
        link = [programs / "flower-superlink", *link_flags, "--port", str(port)]
        open_.enter_context(
            started([*link, "--disable-runtime-dependency-installation"], tmp_path / "superlink.log", environment)
        )
        for number in range(2 if is_secure else 0):
            asked([programs / "flwr", "supernode", "register", tmp_path / f"node-{number}.pub", "here"], environment)
        for number, flags in enumerate(node_flags):
            gateway = tmp_path / f"gateway-{number % 2}"
            wait_for(gateway, tmp_path, START_S)
            node = [programs / "flower-supernode", *flags, "--superlink", f"{host}:{port}"]
            node += ["--port", str(free_port()), "--node-config", f'gateway="{gateway}"']
            open_.enter_context(started(node, tmp_path / f"node-{number}.log", environment))
        config = f'federation="{path}" result="{result}" nodes=2'
        asked(
            [programs / "flwr", "run", CHECKOUT / "examples" / "fleet" / "flower", "here", "--run-config", config],
            environment,
        )
        wait_for(result, tmp_path, 2 * START_S)
    said = json.loads(result.read_text())
    assert said["head_sha256"] == simulate(path).head_sha256
    assert [(done["clients"], done["dropped"]) for done in said["rounds"]] == [(2, 0)] * 2
