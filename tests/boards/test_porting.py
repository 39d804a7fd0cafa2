"""docs/porting.md, followed to the letter: its file is written, its commands are run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from fieldwren.boards import board_ids
from support import CHECKOUT, require_data, require_tool

GUIDE = (CHECKOUT / "docs" / "porting.md").read_text(encoding="utf-8")


@pytest.mark.emulator
@pytest.mark.slow
def test_the_guide_makes_a_board_that_runs(tmp_path: Path) -> None:
    require_tool("arm-none-eabi-gcc")
    require_tool("qemu-system-arm")
    name = re.search(r"Write `(\S+)`:\n\n```toml\n(.*?)```", GUIDE, re.DOTALL)
    assert name is not None
    assert name[1].removesuffix(".toml") not in board_ids()
    (tmp_path / name[1]).write_text(name[2])
    # What the reader has: a model, and a day of the sensors' rows.
    (tmp_path / "model.tflite").write_bytes((CHECKOUT / "examples" / "presence" / "model.tflite").read_bytes())
    rows = require_data("presence", "occupancy", "datatest.txt").read_text().splitlines()
    fields = [row.replace('"', "").split(",") for row in rows[1:120]]
    header = "Temperature,Humidity,Light,CO2,HumidityRatio"
    (tmp_path / "day.csv").write_text("\n".join([header, *(",".join(row[2:7]) for row in fields)]) + "\n")
    commands = re.findall(r"^\$ (fieldwren .*)$", GUIDE, re.MULTILINE)
    assert len(commands) == 4
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", *command.split()], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
    assert "porch on an511, image" in done.stderr
    assert re.search(r"occupied|vacant|empty|present", done.stdout), done.stdout


def test_what_a_part_owes_is_what_the_headers_say() -> None:
    """Each function that the guide names is declared in the headers that it names."""
    common = CHECKOUT / "firmware" / "port" / "common"
    headers = "".join((common / name).read_text() for name in ("fw_port_parts.h", "fw_uart.h"))
    headers += "".join((CHECKOUT / "firmware" / "include" / name).read_text() for name in ("fw_port.h", "fw_flash.h"))
    named = set(re.findall(r"`(fw_\w+)\(\)`", GUIDE)) | {
        f"fw_uart{part}" for part in re.findall(r"`(_\w+)\(\)`", GUIDE)
    }
    assert len(named) >= 12
    assert [name for name in sorted(named) if f"{name}(" not in headers] == []
