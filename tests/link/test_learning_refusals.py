"""Everything about learning that cannot be: an answer that says why, and the bytes of head, classes, replay and guard stay.

One table, walked on this computer and on an emulated board.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from fieldwren.boards import load_board
from fieldwren.device import DeviceClient, DeviceRefusedError
from fieldwren.emulators import emulator_for
from fieldwren.features.tables import front_end_data
from fieldwren.images import cached_image
from fieldwren.learn.device import wait
from fieldwren.render.app import app_firmware, render_app
from fieldwren.sources import Sources
from link import devices
from link.test_session import tones
from support import require_tool

BAD_NAMES = ("", "low", 20 * "x", "#1", "#lamp", "@lamp", "*", "\u00e4" * 10)
"""Empty, taken, too long (in characters, in bytes), what commands take for something else."""

BEFORE_A_SAMPLE: tuple[tuple[str, str], ...] = (
    ("teach low", "not_ready"),
    ("teach low detected", "not_ready"),
    ("teach low missed", "not_ready"),
    ("teach low missed 0", "not_ready"),
    ("learn answer", "not_ready"),
    ("feedback right", "not_ready"),
    ("feedback wrong", "not_ready"),
    ("undo", "not_ready"),
    ("import", "not_ready"),
)
ALWAYS: tuple[tuple[str, str], ...] = (
    ("teach", "bad_argument"),
    ("teach nobody", "unknown_name"),
    ("teach #4", "unknown_name"),  # a place without a class
    ("teach #9", "unknown_name"),
    ("teach #65535", "unknown_name"),  # what the firmware calls "none"
    ("teach #4294967296", "unknown_name"),
    ("teach #-1", "unknown_name"),
    ("teach low yesterday", "bad_argument"),
    ("teach low missed 99", "not_ready"),
    ("teach low missed x", "bad_argument"),
    ("practise 0", "bad_argument"),
    ("practise 1001", "bad_argument"),
    ("practise -1", "bad_argument"),
    ("practise 1 2", "bad_argument"),
    ("feedback perhaps", "bad_argument"),
    ("feedback", "bad_argument"),
    ("class add", "bad_argument"),
    ("class remove nobody", "unknown_name"),
    ("class remove #7", "unknown_name"),
    ("class rename nobody x", "unknown_name"),
    ("class rename low high", "bad_argument"),
    ("class explode low", "bad_argument"),
    ("learn", "bad_argument"),
    ("learn class nobody", "unknown_name"),
    ("learn missed 99", "unknown_name"),
    *((f"class add {name}", "bad_argument") for name in BAD_NAMES),
    *((f"class rename low {name}", "bad_argument") for name in BAD_NAMES if name != "low"),
)
WHILE_STREAMING = (
    "teach low",
    "practise",
    "class add other",
    "class remove low",
    "class rename low other",
    "undo",
    "reset learned",
    "import",
    "feedback right",
)
BODY, CLASSES, HEAD = 16, 18, 64


def learned(client: DeviceClient) -> bytes:
    """The whole saved state without its number, saved now."""
    client.command("save")
    wait(client)
    return client.get("head")[16:-8]


def walk(client: DeviceClient, table: Sequence[tuple[str, str]]) -> None:
    for command, code in table:
        with pytest.raises(DeviceRefusedError) as caught:
            client.command(command)
        assert caught.value.code == code, command
        assert len(str(caught.value)) > 10, command  # a sentence


def sealed(image: bytes) -> bytes:
    crc = zlib.crc32(image[:-8])
    return image[:-8] + struct.pack("<II", crc, crc ^ 0x656E6F64)


def bad_images(image: bytes) -> dict[str, tuple[bytes, str]]:
    def changed(at: int, value: bytes) -> bytes:
        return sealed(image[:at] + value + image[at + len(value) :])

    nan, infinity, huge = (struct.pack("<f", value) for value in (np.nan, -np.inf, 1e30))
    return {
        "of another model": (changed(BODY, b"\xbb"), "other_model"),
        "one bit over": (image[:40] + bytes([image[40] ^ 1]) + image[41:], "bad_argument"),
        "cut": (image[:-20], "bad_argument"),
        "its beginning": (image[:24], "bad_argument"),
        "text": (b"this is no head at all, is it?..", "bad_argument"),
        "of a version to come": (changed(6, b"\x63\0"), "bad_argument"),
        "of another store": (sealed(b"abcd" + image[4:]), "bad_argument"),
        "with NaN": (changed(BODY + HEAD, nan), "bad_argument"),
        "with infinity": (changed(BODY + HEAD + 4, infinity), "bad_argument"),
        "with a weight beyond all bounds": (changed(BODY + HEAD + 8, huge), "bad_argument"),
        "with too many classes": (changed(BODY + CLASSES, b"\x09\0"), "bad_argument"),
    }


def everything(client: DeviceClient) -> None:
    """The whole walk; the device has heard nothing yet."""
    walk(client, BEFORE_A_SAMPLE)
    assert [*client.stream(tones(0.3))]
    client.command("class add lamp")
    client.command("teach lamp")
    wait(client)
    state = learned(client)
    walk(client, ALWAYS)
    assert learned(client) == state

    client.command("stream start")
    walk(client, [(command, "busy") for command in WHILE_STREAMING])
    client.command("stream stop")
    assert learned(client) == state

    client.command("class add second")
    full = learned(client)
    walk(client, [("class add third", "full")])
    client.command("class remove second")
    assert learned(client) == state != full

    client.command("save")
    wait(client)
    for what, (image, code) in bad_images(client.get("head")).items():
        client.put("head", image)
        with pytest.raises(DeviceRefusedError) as caught:
            client.command("import")
        assert caught.value.code == code, what
        assert learned(client) == state, what


def test_nothing_that_is_refused_changes_anything(learning_device: Path, tmp_path: Path) -> None:
    with closing(devices.start(learning_device, tmp_path)) as transport:
        everything(DeviceClient(transport))


@pytest.mark.emulator
def test_nor_does_it_on_a_microcontroller(tmp_path: Path) -> None:
    require_tool("arm-none-eabi-gcc")
    require_tool("qemu-system-arm")
    board = load_board("mps2-an386")
    model = devices.learning_app(tmp_path)
    files = render_app(model, devices.program(), board, {"model.h": devices.MODEL_H})
    files["model.c"] = (devices.HERE / "model.c").read_bytes()
    defines = {"FW_LEARN": None, "FW_FRONTEND_KINDS": f"{1 << front_end_data(model.front_end).kind}u"}
    elf = cached_image(Sources(files=files, firmware=app_firmware(), defines=defines), board).elf
    with emulator_for(board).start(elf, board, tmp_path) as device:
        everything(DeviceClient(device, board.id, timeout_s=30))


@pytest.mark.parametrize("damage", ["short", "random", "of another app", "empty"])
def test_a_store_that_is_not_ours_is_the_factory_head(damage: str, learning_device: Path, tmp_path: Path) -> None:
    """And can be saved to again."""
    store = tmp_path / "store.bin"
    if damage == "of another app":
        with closing(devices.start(learning_device, tmp_path)) as transport:
            client = DeviceClient(transport)
            assert [*client.stream(tones(0.3))]
            client.command("class add lamp")
            client.command("save")
            wait(client)
        content = bytearray(store.read_bytes())
        first = content.find(b"fwst")
        at = first + BODY
        body = struct.unpack_from("<I", content, first + 12)[0]
        content[at] ^= 0xFF
        crc = zlib.crc32(content[first : at + body])
        struct.pack_into("<II", content, at + body, crc, crc ^ 0x656E6F64)
        store.write_bytes(content)
    else:
        rng = np.random.default_rng(3)
        store.write_bytes({"short": b"fwst" * 25, "random": rng.bytes(64 * 4096), "empty": b""}[damage])
    with closing(devices.start(learning_device, tmp_path)) as transport:
        client = DeviceClient(transport)
        said = client.command("learn status")
        assert (said["origin"], said["classes"], said["updates"]) == ("factory", 3, 0)
        assert [*client.stream(tones(0.3))]
        client.command("class add lamp")
        assert learned(client)
    with closing(devices.start(learning_device, tmp_path)) as transport:
        assert DeviceClient(transport).command("learn status")["classes"] == 4
