"""Builds: figures against binutils, the same bytes everywhere, and failures in one sentence."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fieldwren.boards import Image, Project, build, load_board, write_project
from fieldwren.boards.image import read_image
from fieldwren.errors import BuildError, MissingToolError
from fieldwren.sources import Sources
from support import require_tool

pytestmark = pytest.mark.slow

MAIN = b"""#include <stdint.h>

#include "fw_port.h"

__attribute__((section(".rodata.fw_weights.layer0"))) const uint8_t weights[1000] = {1, 2, 3};
static uint32_t counters[25];
static uint32_t preset[3] = {1, 2, 3};

int main(void) {
  fw_port_init();
  const volatile uint8_t *seen = weights;
  for (uint32_t i = 0; i < 25u; i++) counters[i] += seen[i] + preset[i % 3u];
  preset[0] = counters[0];
  return (int)counters[24];
}
"""


def image(board_id: str, folder: Path, sources: Sources | None = None) -> Image:
    board = load_board(board_id)
    require_tool(f"{board.toolchain.prefix}gcc" if board.toolchain.prefix else "cc")
    return build(write_project(sources or Sources({"main.c": MAIN}), board, folder))


@pytest.mark.parametrize("board_id", ["mps2-an386", "microbit", "riscv32-virt"])
def test_sizes_are_those_of_binutils(board_id: str, tmp_path: Path) -> None:
    built = image(board_id, tmp_path / "p")
    prefix = built.project.board.toolchain.prefix
    listed = subprocess.run([f"{prefix}size", "-B", built.elf], capture_output=True, text=True, check=True)
    text, data, bss = map(int, listed.stdout.splitlines()[1].split()[:3])
    assert built.flash_bytes == text + data
    assert built.ram_static_bytes == data + bss - built.stack_bytes
    assert built.weights_bytes == 1000
    assert built.code_bytes == built.flash_bytes - 1000
    assert built.symbol("counters").bytes == 100
    memory = built.project.board.memory
    assert memory is not None
    assert built.stack_bytes == memory.stack_bytes
    flat = tmp_path / "flat.bin"
    subprocess.run([f"{prefix}objcopy", "-O", "binary", built.elf, flat], check=True)
    assert built.sha256 == hashlib.sha256(flat.read_bytes()).hexdigest()
    # Data comes first in the RAM, behind the stack; the stack is at the very bottom.
    assert built.symbol("__fw_stack_limit").address == memory.ram.origin


def test_an_image_without_the_link_has_no_uart_code(tmp_path: Path) -> None:
    names = {symbol.name for symbol in image("mps2-an386", tmp_path / "p").symbols}
    assert "fw_port_init" in names
    assert not {name for name in names if "uart" in name or "ring" in name or "millis" in name}
    bare = image("mps2-an386", tmp_path / "bare", Sources({"main.c": b"int main(void) { return 0; }"}))
    assert bare.flash_bytes < 400
    assert bare.ram_static_bytes == 0


def test_equal_bytes_in_any_folder_built_at_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELDWREN_CACHE", str(tmp_path / "empty cache"))
    folders = [tmp_path / "a", tmp_path / "a much deeper" / "folder"]
    with ThreadPoolExecutor() as pool:
        one, two = pool.map(lambda folder: image("mps2-an386", folder), folders)
    assert one.elf.read_bytes() == two.elf.read_bytes()
    # And once more with every object from the cache.
    assert image("mps2-an386", tmp_path / "third").elf.read_bytes() == one.elf.read_bytes()


def test_micro_bit_gets_a_hex_file(tmp_path: Path) -> None:
    built = image("microbit", tmp_path / "p")
    lines = built.elf.with_suffix(".hex").read_text().splitlines()
    assert lines[-1] == ":00000001FF"
    records = [bytes.fromhex(line[1:]) for line in lines]
    assert all(sum(record) % 256 == 0 for record in records)
    data = b"".join(record[4:-1] for record in records if record[3] == 0)
    assert hashlib.sha256(data).hexdigest() == built.sha256


def test_a_written_project_builds_without_fieldwren_and_without_network(tmp_path: Path) -> None:
    board = load_board("mps2-an386")
    compiler = require_tool("arm-none-eabi-gcc")
    ours = build(write_project(Sources({"main.c": MAIN}), board, tmp_path / "ours"))
    shutil.rmtree(tmp_path / "ours" / ".pio")
    theirs = tmp_path / "theirs"
    (tmp_path / "ours").rename(theirs)
    dead_end = "http://127.0.0.1:9"
    done = subprocess.run(
        [sys.executable, "-m", "platformio", "run", "-c", "offline.ini"],
        cwd=theirs,
        env={
            "HOME": str(tmp_path / "home"),
            "PATH": os.pathsep.join([str(compiler.parent), "/usr/bin", "/bin"]),
            "PLATFORMIO_CORE_DIR": str(tmp_path / "core"),
            "HTTP_PROXY": dead_end,
            "HTTPS_PROXY": dead_end,
            "PLATFORMIO_SETTING_ENABLE_TELEMETRY": "no",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    elf = theirs / ".pio" / "build" / "mps2-an386" / "firmware.elf"
    assert read_image(Project(theirs, board), elf).sha256 == ours.sha256


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        (b"int main(void) {\n  return nothing;\n}\n", r"src/main\.c:2:10: error: .nothing. undeclared"),
        (b"int missing(void);\nint main(void) {\n  return missing();\n}\n", "undefined reference to .missing"),
        (b"#include <gone.h>\nint main(void) { return 0; }\n", r"fatal error: gone\.h: No such file"),
    ],
)
def test_the_first_error_is_quoted(code: bytes, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=complaint) as failed:
        image("mps2-an386", tmp_path / "p", Sources({"main.c": code}))
    assert str(failed.value).startswith("mps2-an386: ")
    assert "\n" not in str(failed.value)


def test_an_image_that_does_not_fit_is_refused_with_figures(tmp_path: Path) -> None:
    code = b"""
    char large[20000];
    __attribute__((section(".rodata.fw_weights.x"))) const char constant[300000] = {1};
    int main(void) {
      large[1] = constant[0];
      return ((volatile char *)large)[1] + ((const volatile char *)constant)[5];
    }
    """
    with pytest.raises(
        BuildError, match=r"needs (\d+) bytes of flash but the board has 245760 and needs (\d+)"
    ) as failed:
        image("microbit", tmp_path / "p", Sources({"main.c": code}))
    words = str(failed.value).split()
    flash, ram = (int(words[i + 1]) for i, word in enumerate(words) if word == "needs")
    assert 300_000 < flash < 301_000
    assert 22_048 <= ram < 22_100
    assert str(failed.value).endswith("bytes of RAM but the board has 16384: choose a smaller model or a larger board")


def test_a_missing_compiler_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = write_project(Sources({"main.c": MAIN}), load_board("mps2-an386"), tmp_path / "p")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match="arm-none-eabi-gcc, the compiler for mps2-an386, is not installed"):
        build(project)


def test_the_users_platformio_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PLATFORMIO_CORE_DIR", str(tmp_path / "users"))
    monkeypatch.setenv("FIELDWREN_CACHE", str(tmp_path / "cache"))
    image("host", tmp_path / "p")
    assert not (tmp_path / "home").exists()
    assert not (tmp_path / "users").exists()
