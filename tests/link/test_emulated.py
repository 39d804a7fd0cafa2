"""The same app on emulated boards, over their UART: the host's detections, to the last digit; and a real reboot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fieldwren.boards import load_board
from fieldwren.device import Detected, DeviceClient
from fieldwren.device.capture import Piece
from fieldwren.emulators import emulator_for
from fieldwren.features.tables import front_end_data
from fieldwren.images import cached_image
from fieldwren.render.app import app_firmware, render_app
from fieldwren.sources import Sources
from link import adpcm, devices
from link.test_capture import pieces_of
from link.test_session import tones
from support import require_tool

TOOLS = {
    "mps2-an386": ("qemu-system-arm", "arm-none-eabi-gcc"),
    "microbit": ("qemu-system-arm", "arm-none-eabi-gcc"),
    "riscv32-virt": ("qemu-system-riscv32", "riscv64-unknown-elf-gcc"),
}


def image(board_id: str, folder: Path) -> Path:
    board = load_board(board_id)
    model = devices.tiny_app(devices.KEYWORD, folder)
    files = render_app(model, devices.program(), board, {"model.h": devices.MODEL_H})
    files["model.c"] = (devices.HERE / "model.c").read_bytes()
    defines = {"FW_CAPTURE": None, "FW_FRONTEND_KINDS": f"{1 << front_end_data(model.front_end).kind}u"}
    return cached_image(Sources(files=files, firmware=app_firmware(), defines=defines), board).elf


def in_place(pieces: list[Piece], pcm: np.ndarray, block_samples: int) -> list[bool]:
    """Of each block whether it is there; if it is, it is the one that audioop makes of what was played at its time."""
    found: list[bool] = []
    made = [adpcm.samples_of(block) for block in adpcm.blocks_of(pcm, block_samples)]
    for piece in pieces:
        found += [False] * (piece.missing // block_samples)
        if len(piece.samples):
            assert np.array_equal(piece.samples, made[len(found)])
            found.append(True)
    assert len(found) == len(made)
    return found


@pytest.mark.emulator
@pytest.mark.parametrize("board_id", TOOLS)
def test_an_emulated_device_detects_what_the_host_does(board_id: str, tmp_path: Path) -> None:
    for tool in TOOLS[board_id]:
        require_tool(tool)
    board = load_board(board_id)
    pcm = tones(2.0)
    model = devices.tiny_app(devices.KEYWORD, tmp_path)
    expected = [
        (d.t_ms, model.labels[d.label], round(d.confidence, 4)) for d in devices.expected_detections(model, pcm)
    ]
    with emulator_for(board).start(image(board_id, tmp_path), board) as device:
        client = DeviceClient(device, board_id, timeout_s=30)
        assert client.info.board == board_id
        found = [(e.t_ms, e.label, e.confidence) for e in client.stream(pcm) if isinstance(e, Detected)]
        assert len(expected) > 3 and found == expected
        window = np.arange(-16, 16, dtype=np.int8)
        assert client.infer([window])[0].tolist() == devices.reference_model(window).tolist()
        made, pieces, found_again = pieces_of(client, pcm)
        assert [(e.t_ms, e.label, e.confidence) for e in found_again] == expected
        assert made.format.encoding == "ima-adpcm" and made.format.sample_rate_hz == 8000
        is_there = in_place(pieces, pcm, made.format.block_samples)
        assert sum(is_there) > len(is_there) / 2
        client.set_threshold("low", 0.75)
        status = client.status()
        assert status.dropped == status.failures == 0
        before = client.info
        assert client.reboot(timeout_s=30) == before
        assert client.label(1).threshold == 0.45
