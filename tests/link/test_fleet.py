"""The firmware as a member of a fleet: what tasks do to it, and what they cannot do."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from fieldwren.device import DeviceClient, DeviceRefusedError
from fieldwren.device.transport import ProcessTransport
from fieldwren.fleet import wire
from fieldwren.fleet.device import Task, Update
from fieldwren.fleet.federation import Encoding, Local
from fieldwren.fleet.linked import LinkedDevice
from fieldwren.fleet.members import CheckedDevice
from fleet.members import TinyFleet, process

NAME = "serial-0"


@pytest.fixture
def tiny(tmp_path: Path) -> TinyFleet:
    return TinyFleet(1, tmp_path / "app")


@pytest.fixture
def device(tiny: TinyFleet, fleet_device: Path, tmp_path: Path) -> Iterator[LinkedDevice]:
    made = tiny.link(NAME, process(fleet_device, tmp_path / "device"))
    yield made
    made.close()


def task_for(tiny: TinyFleet, sequence: int = 1, **changes: object) -> Task:
    task = Task(
        sequence=sequence,
        model=tiny.learner.model,
        base=0,
        version=sequence,
        change=np.linspace(-0.2, 0.3, len(tiny.population.factory.head), dtype=np.float32),
        steps=9,
        rate=0.05,
        seed=77,
    )
    return replace(task, **changes)  # type: ignore[arg-type]  # fields by name


def asked(device: LinkedDevice, task: Task) -> Update:
    return wire.decode_update(device.adapt(wire.encode_task(task)))


def test_a_device_answers_as_its_twin(tiny: TinyFleet, device: LinkedDevice) -> None:
    twin = tiny.twin(NAME)
    locals_: list[tuple[Local, ...]] = [(), ("bias",), ("weights",)]
    encodings: list[Encoding] = ["float32", "float16", "int8"]
    for number, (local, encoding, share) in enumerate(product(locals_, encodings, (1.0, 0.3)), 1):
        change = wire.shared_part(task_for(tiny).change, *tiny.population.shape, local)
        task = task_for(
            tiny, number, encoding=encoding, kept_share=share, local=local, change=change, momentum=0.5,
            query_steps=number % 2, base=number - 1,
        )  # fmt: skip
        message = wire.encode_task(task)
        answer = device.adapt(message)
        assert answer == twin.adapt(message), task
        update = wire.decode_update(answer)
        assert (update.status, update.samples, update.tested) == ("ok", 9, 6)
        assert np.abs(update.change).max() > 0


def test_a_task_is_worked_on_once_however_often_it_comes(tiny: TinyFleet, device: LinkedDevice) -> None:
    message = wire.encode_task(task_for(tiny, kept_share=0.2))
    first = device.adapt(message)
    assert device.adapt(message) == first  # with another residual the bytes would differ
    device.close()  # the link is lost, and the device restarts: it begins anew and says the same
    assert device.adapt(message) == first
    assert device.evaluate(tiny.population.factory.head) == (
        tiny.learner.correct(tiny.shard(NAME), tiny.population.factory.head),
        6,
    )


def test_a_device_that_restarts_is_given_back_what_it_forgot(
    tiny: TinyFleet, fleet_device: Path, tmp_path: Path
) -> None:
    """Error feedback, local parameters and the head it held go on as on a device that never restarted."""
    link = tiny.link(NAME, process(fleet_device, tmp_path))
    checked = CheckedDevice(link, tiny.twin(NAME), tiny.learner.new_memory)
    steady = tiny.twin(NAME)
    local: tuple[Local, ...] = ("bias",)
    change = wire.shared_part(task_for(tiny).change, *tiny.population.shape, local)
    settings = {"encoding": "int8", "kept_share": 0.2, "local": local, "change": change}
    for number in (1, 2, 3):
        message = wire.encode_task(task_for(tiny, number, base=number - 1, **settings))
        answer = checked.adapt(message)
        assert answer == steady.adapt(message)
        assert wire.decode_update(answer).status == "ok"
        checked.device.close()  # the process ends, and with it all but its flash
    assert (checked.equal, checked.unequal) == (3, 0)


def test_what_is_no_task_changes_nothing(tiny: TinyFleet, device: LinkedDevice) -> None:
    good = wire.encode_task(task_for(tiny))
    body = bytearray(good[:-4])
    body[44 + 12 : 44 + 16] = np.array([np.nan], "<f4").tobytes()
    not_finite = bytes(body) + zlib.crc32(body).to_bytes(4, "little")
    for bad in (b"", b"x", good[:-1], good[:-5] + b"\0" + good[-4:], not_finite):
        with pytest.raises((DeviceRefusedError, ValueError), match=r"no task|damaged|put task"):
            device.adapt(bad)
    for changes in (
        {"model": 1},
        {"base": 9},
        {"rate": 0.0},
        {"rate": float("nan")},
        {"kept_share": 0.0},
        {"steps": 0},
        {"change": np.zeros(3, np.float32)},
    ):
        update = asked(device, task_for(tiny, **changes))
        assert (update.status, len(update.change)) == ("refused", 0), changes
    twin = tiny.twin(NAME)
    assert device.adapt(good) == twin.adapt(good)


def test_training_that_leaves_the_finite_numbers_is_a_fault(tiny: TinyFleet, device: LinkedDevice) -> None:
    huge = np.full(len(tiny.population.factory.head), 3e38, np.float32)
    update = asked(device, task_for(tiny, change=huge, rate=1.0, steps=50))
    assert (update.status, len(update.change)) == ("fault", 0)
    assert asked(device, task_for(tiny, 2)).status == "ok"


def test_a_head_that_is_adopted_is_the_devices_own(tiny: TinyFleet, device: LinkedDevice) -> None:
    device.prepare()
    client = device._client
    assert client is not None
    classes, features = tiny.population.shape
    client.command("class add lamp")
    for favourite in (2, 0):
        head = np.zeros((features + 1) * classes, np.float32)
        head[classes * features + favourite] = 5.0  # its bias
        device.adopt(head)
        said = client.command("learn answer")
        assert said["label"] == tiny.labels[favourite]
        # softmax of 5 and three zeros; the class that was added is one of them
        assert said["confidence"] == pytest.approx(np.exp(5) / (np.exp(5) + 3), abs=1e-5)
    device.close()
    device.prepare()  # another process with the same flash
    client = device._client
    assert client is not None
    assert client.command("learn status")["origin"] == "saved"
    assert client.command("learn status")["classes"] == 4
    for wrong in (np.zeros(3, np.float32), np.full(12, np.nan, np.float32)):
        client.put("task", wrong.tobytes())
        with pytest.raises(DeviceRefusedError, match="finite float32"):
            client.command("fleet adopt")


def test_samples_cross_the_link_once_and_never_leave(tiny: TinyFleet, fleet_device: Path, tmp_path: Path) -> None:
    said = sum(clip.nbytes for clip in tiny.told[NAME])
    for told in (said, 0):  # the second process finds in its flash what the first one heard
        device = tiny.link(NAME, process(fleet_device, tmp_path / "device"))
        update = device.adapt(wire.encode_task(task_for(tiny)))
        down, up = device.traffic()
        device.close()
        assert down["stream"] == told
        assert set(down) <= {"commands", "stream", "task", "reads"}
        # No kind but these: no capture, no tensor, no record of what was learned.
        assert set(up) <= {"answers", "events", "acknowledgements", "update"}
        assert up["update"] == len(update)


def test_a_stream_from_a_file_is_a_stream(tiny: TinyFleet, fleet_device: Path, tmp_path: Path) -> None:
    folder = tmp_path / "device"
    device = tiny.link(NAME, process(fleet_device, folder), folder=folder)
    device.prepare()  # compares the samples' checksum with the host's
    down, _ = device.traffic()
    assert down["file"] == sum(clip.nbytes for clip in tiny.told[NAME])
    assert "stream" not in down
    device.close()


def test_commands_say_what_is_wrong(member: ProcessTransport) -> None:
    client = DeviceClient(member)
    said = client.command("fleet status")
    assert (said["kept"], said["tests"], said["busy"], said["parameters"]) == (0, 0, False, 12)
    for command, code in (
        ("fleet begin", "not_ready"),
        ("fleet evaluate", "not_ready"),
        ("fleet keep quiet", "not_ready"),
        ("fleet keep loud", "unknown_name"),
        ("fleet keep quiet tset", "bad_argument"),
        ("fleet leave", "bad_argument"),
        ("fleet restore", "bad_argument"),
        ("fleet restore held 1", "bad_argument"),
        ("fleet restore held 1 -2", "bad_argument"),
        ("fleet restore unsent", "not_ready"),
        ("get update", "not_ready"),
    ):
        with pytest.raises(DeviceRefusedError) as caught:
            client.command(command)
        assert caught.value.code == code, command
    client.put("task", b"four")
    for command in ("fleet evaluate", "fleet restore unsent", "fleet restore held 1 1", "fleet adopt"):
        client.put("task", b"four")
        with pytest.raises(DeviceRefusedError, match="float32"):
            client.command(command)
    for key, value in client.command("fleet status").items():
        assert key in ("seq", "crc") or said[key] == value


def test_a_device_that_is_taught_meanwhile_says_busy(tiny: TinyFleet, member: ProcessTransport) -> None:
    client = DeviceClient(member)
    client.command("stream start")
    client.command("stream stop")
    samples = tiny.told[NAME][0]
    for _ in client.stream(samples):
        pass
    client.command("fleet keep low")
    client.put("task", wire.encode_task(task_for(tiny, steps=60000)))
    assert client.command("fleet begin")["busy"]
    for command in ("teach low", "practise 3", "class add lamp", "undo", "fleet keep low", "fleet begin"):
        with pytest.raises(DeviceRefusedError) as caught:
            client.command(command)
        assert caught.value.code == "busy", command
    with pytest.raises(DeviceRefusedError, match="wait"):
        client.get("update")
