"""Learning over the link: what is taught is known, kept and undone; what cannot be is refused and changes nothing."""

from __future__ import annotations

import re
import shutil
import struct
import time
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fieldwren.app import load_app
from fieldwren.app_streaming import load_device_app
from fieldwren.boards import load_board
from fieldwren.device import DeviceClient, DeviceRefusedError
from fieldwren.device.results import Detected
from fieldwren.device.transport import ProcessTransport
from fieldwren.errors import BadInputError
from fieldwren.learn.device import calibrate, status, wait
from fieldwren.render.learning import learning_context
from link import devices
from link.test_session import tones
from support import CHECKOUT, require_tool


@pytest.fixture
def client(learning: ProcessTransport) -> DeviceClient:
    return DeviceClient(learning)


def hear(client: DeviceClient, pcm: NDArray[np.int16]) -> None:
    assert [*client.stream(pcm)]


def refused(client: DeviceClient, command: str) -> str:
    """The code of the error; nothing but what is said of saving may have changed."""
    before = state(client)
    with pytest.raises(DeviceRefusedError) as caught:
        client.command(command)
    assert state(client) == before
    return caught.value.code


def state(client: DeviceClient) -> dict[str, Any]:
    said = wait(client)
    return {key: said[key] for key in ("classes", "updates", "taught", "rollbacks", "guard", "unsaved", "saved")}


def head_of(client: DeviceClient) -> bytes:
    """The newest record's model, classes and weights, without its number."""
    return client.get("head")[16:-8]


def test_a_new_class_is_taught_kept_and_undone(client: DeviceClient, learning_device: Path, tmp_path: Path) -> None:
    hear(client, tones(0.3))
    known = client.command("learn answer")["label"]
    assert client.command("class add lamp")["index"] == 3
    assert client.label(3).label == "lamp"
    assert client.command("learn answer")["label"] == known  # it was not taught yet
    for _ in range(4):
        assert client.command("teach lamp")["label"] == "lamp"
        assert wait(client)["last"] == "accepted"
    assert client.command("learn answer")["label"] == "lamp"
    assert client.command("learn class lamp")["taught"] == 4
    client.command("save")
    wait(client)
    taught = head_of(client)

    with closing(devices.start(learning_device, tmp_path)) as again:
        rebooted = DeviceClient(again)
        assert rebooted.command("learn status")["origin"] == "saved"
        assert head_of(rebooted) == taught
        hear(rebooted, tones(0.3))
        assert rebooted.command("learn answer")["label"] == "lamp"
        rebooted.command("undo")
        assert wait(rebooted)["classes"] == 3
        assert rebooted.command("learn answer")["label"] == known
        rebooted.command("undo")  # of the undo
        wait(rebooted)
        assert head_of(rebooted) == taught
        rebooted.command("reset learned")
        assert wait(rebooted)["classes"] == 3
        assert refused(rebooted, "undo") == "not_ready"
        assert refused(rebooted, "get head") == "not_ready"


def test_bad_labels_are_refused_and_change_nothing(client: DeviceClient) -> None:
    assert refused(client, "teach low") == "not_ready"  # no sample yet
    assert refused(client, "learn answer") == "not_ready"
    hear(client, tones(0.3))
    assert refused(client, "teach #9") == "unknown_name"
    assert refused(client, "teach #3") == "unknown_name"  # a place without a class
    assert refused(client, "teach #99999999999") == "unknown_name"
    assert refused(client, "teach nobody") == "unknown_name"
    assert refused(client, "teach") == "bad_argument"
    assert refused(client, "teach low yesterday") == "bad_argument"
    assert refused(client, "teach low missed extra") == "bad_argument"
    assert refused(client, "practise 0") == "bad_argument"
    assert refused(client, "practise 1001") == "bad_argument"
    assert refused(client, "feedback perhaps") == "bad_argument"
    assert refused(client, "learn") == "bad_argument"
    assert refused(client, "undo") == "not_ready"


def test_the_class_table_has_an_end(client: DeviceClient) -> None:
    assert refused(client, "class add low") == "bad_argument"  # taken
    assert refused(client, "class add") == "bad_argument"  # no name
    assert refused(client, f"class add {20 * 'x'}") == "bad_argument"
    client.command(f"class add {19 * 'x'}")
    client.command("class add second")
    assert refused(client, "class add third") == "full"
    client.command("class remove low")
    assert refused(client, "class add third") == "full"  # the place of `low` stays its own
    client.command("class remove second")
    assert client.command("class add third")["index"] == 4
    assert [item.label for item in client.labels()] == ["quiet", "", "high", 19 * "x", "third"]
    client.command("class rename third fourth")
    assert refused(client, "class rename fourth high") == "bad_argument"
    assert refused(client, "class remove low") == "unknown_name"
    for name in ("quiet", "high", 19 * "x"):
        client.command(f"class remove {name}")
    assert refused(client, "class remove fourth") == "bad_argument"  # the last one


def test_not_while_a_host_streams(client: DeviceClient) -> None:
    hear(client, tones(0.3))
    client.command("stream start")
    changing = ("teach low", "practise", "class add lamp", "class remove low", "undo", "reset learned", "import",
                "feedback right")  # fmt: skip
    for command in changing:
        assert refused(client, command) == "busy", command
    client.command("stream stop")
    assert refused(client, "teach low") == "not_ready"  # the samples of the stream that ended are gone


def test_a_storm_of_labels(client: DeviceClient) -> None:
    """Each is learned, or refused as busy; none is lost in between."""
    hear(client, tones(0.3))
    client.command("teach low")
    taken = 1
    wait(client)
    client.command("practise 1000")
    for _ in range(100):
        try:
            client.command("teach low")
            taken += 1
        except DeviceRefusedError as error:
            assert error.code == "busy"
    said = wait(client)
    assert said["taught"] == taken
    assert said["last"] in ("accepted", "rolled_back")


def test_feedback_goes_to_the_newest_detection(client: DeviceClient) -> None:
    assert refused(client, "feedback right") == "not_ready"
    events = [*client.stream(tones(2.0))]
    detected = [event.label for event in events if hasattr(event, "label")][-1]
    assert client.command("feedback right")["label"] == detected
    wait(client)
    assert client.command("feedback wrong")["label"] == "quiet"  # the background
    assert wait(client)["taught"] == 2


def test_what_is_no_class_says_below_which_confidence_nothing_is_one(client: DeviceClient) -> None:
    assert refused(client, "learn calibrate") == "not_ready"
    assert refused(client, "learn calibrate 5000") == "bad_argument"
    client.command("class remove quiet")  # from here on there is no class for what is none
    assert any(isinstance(event, Detected) for event in client.stream(tones(2.0)))
    assert client.command("learn answer")["accepted"]
    guarded = status(client).guard
    client.command("feedback wrong")
    assert status(client).guard == guarded + 1 and status(client).reject_below == 0

    made = calibrate(client)
    assert 0.3 < made.reject_below < 1 and not made.unsaved
    assert not client.command("learn answer")["accepted"]  # of the same tones
    assert not any(isinstance(event, Detected) for event in client.stream(tones(2.0)))
    assert calibrate(client, accepted=1).reject_below == 0
    assert client.command("learn answer")["accepted"]


def test_near_misses_are_kept_listed_and_taught(client: DeviceClient) -> None:
    heard = [*client.stream(np.concatenate([tones(2.0), np.zeros(4000, np.int16)]))]
    reported = [event for event in heard if isinstance(event, Detected)]
    status = client.command("learn status")
    count, kept = int(status["misses"]), int(status["misses_most"])
    assert kept == 4 and count > kept and reported
    newest = client.command(f"learn missed {count - 1}")
    assert newest["t_ms"] not in {event.t_ms for event in reported}
    assert newest["t_ms"] < client.status().t_ms and 0.45 / 2 < newest["confidence"] <= 1
    assert newest["label"] == client.label(int(newest["index"])).label != "quiet"  # which is background
    numbers = [int(client.command(f"learn missed {n}")["t_ms"]) for n in range(count - kept, count)]
    assert numbers == sorted(set(numbers))
    for gone in (count - kept - 1, count, 2**32 - 1):
        assert refused(client, f"learn missed {gone}") == "unknown_name"
        assert refused(client, f"teach low missed {gone}") == "not_ready"
    assert refused(client, "teach low detected 1") == "bad_argument"
    client.command("class add lamp")
    for _ in range(4):
        assert client.command(f"teach lamp missed {count - 1}")["label"] == "lamp"
        wait(client)
    assert client.command("learn class lamp")["taught"] == 4


def _import(client: DeviceClient, image: bytes) -> str:
    client.put("head", image)
    return refused(client, "import")


def _sealed(image: bytes) -> bytes:
    crc = zlib.crc32(image[:-8])
    return image[:-8] + struct.pack("<II", crc, crc ^ 0x656E6F64)


def test_a_head_of_another_model_is_refused(client: DeviceClient, learning_device: Path, tmp_path: Path) -> None:
    assert refused(client, "import") == "not_ready"
    hear(client, tones(0.3))
    client.command("class add lamp")
    client.command("teach lamp")
    wait(client)
    client.command("save")
    wait(client)
    image = client.get("head")
    client.command("reset learned")
    wait(client)
    assert _import(client, _sealed(image[:16] + b"\xbb" + image[17:])) == "other_model"
    assert _import(client, image[:-1] + b"\0") == "bad_argument"
    assert _import(client, image[:-20]) == "bad_argument"
    assert _import(client, _sealed(image[:80] + struct.pack("<f", float("nan")) + image[84:])) == "bad_argument"
    client.put("head", image)
    client.command("import")
    assert wait(client)["classes"] == 4
    assert client.command("learn status")["unsaved"]
    with pytest.raises(DeviceRefusedError, match="room"):
        client.put("head", bytes(100_000))

    other = tmp_path / "other"
    other.mkdir()
    with closing(devices.start(learning_device, other)) as transport:
        second = DeviceClient(transport)
        second.put("head", image)
        second.command("import")
        second.command("save")
        wait(second)
        assert head_of(second) == image[16:-8]


def test_commands_that_change_something_are_protected(client: DeviceClient, learning: ProcessTransport) -> None:
    for command in (
        "teach low",
        "save",
        "undo",
        "class add x",
        "reset learned",
        "import",
        "practise",
        "feedback right",
    ):
        learning.write(command.encode() + b"\n")
        heard = b""
        while not heard.endswith(b"\n"):
            heard += learning.read(4096, 5.0)
        assert b'"unprotected"' in heard
    assert state(client)["classes"] == 3


@pytest.fixture(scope="session")
def ruled_device(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_tool("gcc")
    return devices.build_device(devices.RULED, tmp_path_factory.mktemp("ruled"), learns=True)


def test_a_rule_labels_rows_and_what_it_taught_is_saved(ruled_device: Path, tmp_path: Path) -> None:
    """A label every two seconds (four rows) while the channel has a value; saved by itself when nothing follows."""
    with closing(devices.start(ruled_device, tmp_path)) as transport:
        client = DeviceClient(transport)

        def taught(b: float, rows: int) -> dict[str, int]:
            # Rows apart, so that no lesson comes while the one before is learned.
            for event in client.stream(np.array([[1.0, b]] * rows, np.float32)):
                assert event
            wait(client)
            return {label: client.command(f"learn class {label}")["taught"] for label in ("empty", "one", "many")}

        assert taught(1.0, 15) == {"empty": 0, "one": 0, "many": 0}  # no window is complete yet
        assert taught(1.0, 19) == {"empty": 0, "one": 0, "many": 1}
        assert taught(0.0, 19) == {"empty": 1, "one": 0, "many": 1}
        assert taught(float("nan"), 19) == {"empty": 1, "one": 0, "many": 1}
        deadline = time.monotonic() + 20
        while client.command("learn status")["unsaved"] and time.monotonic() < deadline:
            pass
        said = wait(client)
        assert said["saved"] >= 1
        assert not said["unsaved"]
    with closing(devices.start(ruled_device, tmp_path)) as transport:
        assert DeviceClient(transport).command("learn class many")["taught"] == 1


@pytest.mark.parametrize(
    ("buttons", "board", "complaint"),
    [
        ('feedback = "right"\nundo = true', "host", "must have one of feedback"),
        ('sample = "missed"', "host", "must have one of feedback"),
        ('undo = true\nsample = "missed"', "host", "sample belongs to teach"),
        ('feedback = "maybe"', "host", "learn.buttons.0.feedback: is 'maybe', and should be 'right' or 'wrong'"),
        (
            "undo = true\n" + 2 * "[[learn.buttons]]\nundo = true\n",
            "host",
            "3 buttons do, and host has 2: SIGUSR1, SIGUSR2",
        ),
        ("undo = true\n[[learn.buttons]]\nundo = true", "esp32dev", "2 buttons do, and esp32dev has 1: BOOT"),
    ],
)
def test_buttons_that_cannot_be_are_refused(tmp_path: Path, buttons: str, board: str, complaint: str) -> None:
    manifest = devices.KEYWORD + devices.LEARN + f"[[learn.buttons]]\n{buttons}\n"
    with pytest.raises(BadInputError, match=re.escape(complaint)):
        learning_context(devices.learning_app(tmp_path, manifest), load_board(board))


def test_emulated_boards_have_no_buttons(tmp_path: Path) -> None:
    manifest = devices.KEYWORD + devices.LEARN + "[[learn.buttons]]\nundo = true\n"
    context = learning_context(devices.learning_app(tmp_path, manifest), load_board("mps2-an386"))
    assert context is not None and context.buttons == ()


def test_what_a_button_teaches_has_a_place(tmp_path: Path) -> None:
    example = CHECKOUT / "examples" / "digits"
    shutil.copytree(example, tmp_path / "app")
    text = (example / "fieldwren.toml").read_text().replace("spare_classes = 4", "spare_classes = 1")
    for label, complaint in ((20 * "x", "too long"), ("lamp", None), ("seven", None)):
        (tmp_path / "app" / "fieldwren.toml").write_text(f'{text}\n[[learn.buttons]]\nteach = "{label}"\n')
        if complaint is None:
            load_device_app(load_app(tmp_path / "app"), load_board("host"))
            continue
        with pytest.raises(BadInputError, match=r"learn\.buttons"):
            load_device_app(load_app(tmp_path / "app"), load_board("host"))
    two = "".join(f'\n[[learn.buttons]]\nteach = "{label}"\n' for label in ("lamp", "door"))
    (tmp_path / "app" / "fieldwren.toml").write_text(text + two)
    with pytest.raises(BadInputError, match=r"door, lamp: not among the labels of the app \(.*room for 1 others"):
        load_device_app(load_app(tmp_path / "app"), load_board("host"))
