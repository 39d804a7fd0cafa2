"""An emulated device that is slow to boot is waited for; one that ends is not."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from fieldwren.device import DeviceClient, client
from fieldwren.emulators import EmulatedDevice, process
from fieldwren.errors import LinkLostError


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "CONNECT_TIMEOUT_S", 0.2)


@pytest.mark.usefixtures("impatient")
def test_an_emulator_that_stands_still_for_a_while(keyword_device: Path) -> None:
    command = ["sh", "-c", f"sleep 1.5; exec {keyword_device}"]
    with process.start(command, "slow", link="stdio") as device:
        assert isinstance(device, EmulatedDevice)
        assert DeviceClient(device).info.app == "tiny"


@pytest.mark.usefixtures("impatient")
def test_an_emulator_that_ends_is_lost_at_once() -> None:
    started = time.monotonic()
    with (
        process.start([sys.executable, "-c", "raise SystemExit('no such machine')"], "dead", link="stdio") as device,
        pytest.raises(LinkLostError, match="dead: the image ended with exit code 1: no such machine"),
    ):
        DeviceClient(device)
    assert time.monotonic() - started < client.EMULATOR_TIMEOUT_S / 3


def test_an_emulator_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "EMULATOR_TIMEOUT_S", 0.3)
    with (
        process.start(["sleep", "60"], "mute", link="stdio") as device,
        pytest.raises(LinkLostError, match=r"device: nothing answered within 0\.3 s: is the firmware running"),
    ):
        DeviceClient(device)


@pytest.mark.usefixtures("impatient")
def test_other_devices_are_waited_for_less(keyword_device: Path) -> None:
    with pytest.raises(LinkLostError, match=r"nothing answered within 0\.2 s"):
        DeviceClient.open(f"process:sh -c 'sleep 5; exec {keyword_device}'")
