"""The app's generated C: deterministic, clean on every core, and as large as it says."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from fieldwren import paths
from fieldwren.boards import load_board
from fieldwren.errors import BadInputError
from fieldwren.render.app import app_firmware, render_app
from link import devices
from support import require_tool

RENDERED = {"model.h": devices.MODEL_H}


def image_of(files: dict[str, bytes]) -> bytes:
    found = re.search(rb"\.image = \{([^}]*)\}", files["app_config.c"])
    assert found is not None
    return bytes(int(number) for number in found[1].split(b","))


def made(tmp_path: Path, text: str = devices.KEYWORD, board: str = "host") -> dict[str, bytes]:
    return render_app(devices.tiny_app(text, tmp_path), devices.program(), load_board(board), RENDERED)


def test_the_same_app_gives_the_same_bytes(tmp_path: Path) -> None:
    files = made(tmp_path)
    assert files == made(tmp_path)
    assert {"frontend.c", "frontend.h", "app_config.c", "app_config.h", "app_main.c", "model.h"} == set(files)
    for content in (files["app_config.c"], files["app_main.c"]):
        assert b"app: tiny\n * board: host" in content and str(tmp_path).encode() not in content


def test_the_build_id_changes_with_everything(tmp_path: Path) -> None:
    ids = {
        image_of(made(tmp_path)),
        image_of(made(tmp_path, devices.KEYWORD.replace("0.45", "0.46"))),
        image_of(made(tmp_path, devices.KEYWORD.replace("f_min_hz = 100.0", "f_min_hz = 101.0"))),
        image_of(made(tmp_path, board="microbit")),
        image_of(
            render_app(
                devices.tiny_app(devices.KEYWORD, tmp_path), devices.program(), load_board("host"), {"model.h": b"\n"}
            )
        ),
    }
    assert len(ids) == 5 and all(len(i) == 32 and any(i) for i in ids)


CORES = {
    "mps2-an386": ("arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"),
    "microbit": ("arm-none-eabi-gcc", "-mcpu=cortex-m0", "-mthumb"),
    "riscv32-virt": ("riscv64-unknown-elf-gcc", "--specs=picolibc.specs", "-march=rv32imc", "-mabi=ilp32"),
}


@pytest.mark.parametrize("text", [devices.KEYWORD, devices.PRESENCE], ids=["keyword", "presence"])
@pytest.mark.parametrize("board", CORES)
def test_generated_code_compiles_without_a_warning(tmp_path: Path, text: str, board: str) -> None:
    compiler, *flags = CORES[board]
    require_tool(compiler)
    text = text.replace("capture_ms = 10", "capture_ms = 20")
    for name, content in made(tmp_path, text, board).items():
        (tmp_path / name).write_bytes(content)
    include = [f"-I{paths.firmware()}", f"-I{paths.firmware() / 'include'}", "-I."]
    warnings = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
    files = [
        "app_config.c",
        "app_main.c",
        "frontend.c",
        *(str(paths.firmware() / f) for f in app_firmware() if f.startswith("app/")),
    ]
    subprocess.run([compiler, *flags, *warnings, "-O1", *include, "-c", *files], cwd=tmp_path, check=True)


def test_names_reach_the_c_code_exactly(tmp_path: Path) -> None:
    labels = ['a"b\\c', "größe ??/", "%s"]
    files = made(
        tmp_path,
        devices.KEYWORD.replace('"quiet", "low", "high"', ", ".join(map(json.dumps, labels))).replace(
            '["quiet"]', "[]"
        ),
    )
    gcc = require_tool("gcc")
    start = files["app_config.c"].index(b"static const char *const labels")
    table = files["app_config.c"][start : files["app_config.c"].index(b"};", start) + 3]
    (tmp_path / "t.c").write_bytes(
        b"#include <stdio.h>\n" + table + b"int main(void) { for (int i = 0; i < 3; i++) puts(labels[i]); return 0; }\n"
    )
    subprocess.run([gcc, "-std=c99", "-Werror", "t.c", "-o", "t"], cwd=tmp_path, check=True)
    assert subprocess.run([tmp_path / "t"], capture_output=True, check=True).stdout.decode().splitlines() == labels


def sizes(text: str, folder: Path, board: str) -> dict[str, str]:
    source = made(folder, text, board)["app_config.c"].decode()
    return dict(re.findall(r"\.(payload_bytes|window_bytes|answer_count|block_count) = (\d+)u", source)) | {
        "ring": str(re.findall(r"FW_SAMPLE_RING_BYTES\((\d+)u, (\d+)u\)", source)[0])
    }


def test_buffers_follow_the_board(tmp_path: Path) -> None:
    assert sizes(devices.KEYWORD, tmp_path, "mps2-an386") == {
        "payload_bytes": "256", "window_bytes": "1024", "answer_count": "4", "block_count": "3", "ring": "('160', '2')",
    }  # fmt: skip
    small = sizes(devices.KEYWORD.replace("buffer_ms = 20\ncapture = true\n", ""), tmp_path, "microbit")
    assert small == {"payload_bytes": "64", "window_bytes": "256", "answer_count": "2", "ring": "('400', '2')"}
    assert sizes(devices.PRESENCE, tmp_path, "mps2-an386")["ring"] == "('32', '8')"  # a whole frame of the link fits


def test_rows_too_wide_for_the_link_are_refused(tmp_path: Path) -> None:
    many = ", ".join(f'"c{i}"' for i in range(32))
    text = (
        devices.PRESENCE.replace('"a", "b"', many)
        .replace("[0.0, 1.0]", str([0.0] * 32))
        .replace("[1.0, 2.0]", str([1.0] * 32))
    )
    text = text.replace("window_frames = 16", "window_frames = 1")
    assert made(tmp_path, text, "mps2-an386")
    with pytest.raises(BadInputError, match="128 bytes, and the link of microbit carries at most 64"):
        made(tmp_path, text, "microbit")
    with pytest.raises(BadInputError, match="only audio can be recorded"):
        made(tmp_path, devices.PRESENCE + "\n[link]\ncapture = true\n")
