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
from support import CHECKOUT, require_module, require_tool

START_S = 120.0


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


@pytest.mark.long
def test_two_gateways_learn_what_one_process_does(tmp_path: Path) -> None:
    require_module("flwr")
    require_tool("cc")
    programs = Path(sys.executable).parent
    path, result = federation(tmp_path, HOST, rounds=2), tmp_path / "result.json"
    home = tmp_path / "flower"
    home.mkdir()
    port = free_port()
    (home / "config.toml").write_text(
        f'[superlink]\ndefault = "here"\n\n[superlink.here]\naddress = "127.0.0.1:{port}"\ninsecure = true\n'
    )
    path_ = f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "PATH": path_, "FLWR_HOME": str(home), "FLWR_TELEMETRY_ENABLED": "0"}
    with ExitStack() as open_:
        for number in range(2):
            gateway = tmp_path / f"gateway-{number}"
            command: list[str | Path] = [sys.executable, "-m", "fieldwren", "fleet", "serve", path]
            command += ["--socket", gateway, "--only", f"emulated-{number}"]
            open_.enter_context(started(command, tmp_path / f"gateway-{number}.log", environment))
        link = [programs / "flower-superlink", "--insecure", "--port", str(port)]
        open_.enter_context(
            started([*link, "--disable-runtime-dependency-installation"], tmp_path / "superlink.log", environment)
        )
        for number in range(2):
            wait_for(tmp_path / f"gateway-{number}", tmp_path, START_S)
            node = [programs / "flower-supernode", "--insecure", "--superlink", f"127.0.0.1:{port}"]
            node += ["--port", str(free_port()), "--node-config", f'gateway="{tmp_path / f"gateway-{number}"}"']
            open_.enter_context(started(node, tmp_path / f"node-{number}.log", environment))
        config = f'federation="{path}" result="{result}" nodes=2'
        until = time.monotonic() + START_S
        while True:  # the SuperLink may not listen yet
            asked = subprocess.run(
                [programs / "flwr", "run", CHECKOUT / "examples" / "fleet" / "flower", "here", "--run-config", config],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            if asked.returncode == 0 or time.monotonic() > until:
                break
            time.sleep(1.0)
        assert asked.returncode == 0, asked.stdout + asked.stderr
        wait_for(result, tmp_path, 240.0)
    said = json.loads(result.read_text())
    assert said["head_sha256"] == simulate(path).head_sha256
    assert [(done["clients"], done["dropped"]) for done in said["rounds"]] == [(2, 0)] * 2
