"""Written projects: complete, deterministic, all or nothing."""

from __future__ import annotations

import configparser
import json
from pathlib import Path

import pytest

from fieldwren import paths
from fieldwren.boards import load_board, write_project
from fieldwren.errors import BadInputError, DiskFullError
from fieldwren.sources import Sources

MAIN = b'#include "fw_port.h"\n\nint main(void) {\n  return 0;\n}\n'
SOURCES = Sources({"main.c": MAIN}, defines={"FW_ANSWER": "42", "FW_FLAG": None}, optimise_flags=("-Os",))


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def firmware(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A firmware tree in which one include leads to the next."""
    root = tmp_path / "firmware"
    files = {
        "include/fw_port.h": "",
        "include/fw_two.h": "",
        "kernels/one.c": '#include "one.h"\n#include <stdint.h>\n// #include "not_this.h"\n',
        "kernels/one.h": '  #  include "../other/deep.h"\n#include "fw_two.h"\n#include "fw_board.h"\n',
        "kernels/unused.c": "",
        "other/deep.h": '#include "kernels/one.h"\n',
        "port/common/a.c": '#include "port/common/b.h"\n',
        "port/common/b.h": "",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for folder in load_board("mps2-an386").port.folders:
        (root / "port" / folder).mkdir(exist_ok=True)
    monkeypatch.setattr(paths, "firmware", lambda: root)
    return root


def library(project: Path) -> set[str]:
    root = project / "lib" / "fieldwren"
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_includes_are_followed(firmware: Path, tmp_path: Path) -> None:
    sources = Sources({"main.c": MAIN}, firmware=("kernels/one.c",))
    write_project(sources, load_board("mps2-an386"), tmp_path / "project")
    assert library(tmp_path / "project") == {
        "library.json",
        "include/fw_board.h",
        "include/fw_port.h",
        "include/fw_two.h",
        "kernels/one.c",
        "kernels/one.h",
        "other/deep.h",
        "port/common/a.c",
        "port/common/b.h",
    }


def test_an_include_that_is_nowhere_is_refused(firmware: Path, tmp_path: Path) -> None:
    (firmware / "kernels" / "one.h").write_text('#include "gone.h"\n')
    with pytest.raises(BadInputError, match=r'firmware/kernels/one\.h: includes "gone\.h"'):
        write_project(
            Sources({"main.c": MAIN}, firmware=("kernels/one.c",)), load_board("mps2-an386"), tmp_path / "project"
        )
    assert not (tmp_path / "project").exists()


def test_a_firmware_file_that_is_nowhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"firmware/kernels/gone\.c: there is no such file"):
        write_project(Sources({}, firmware=("kernels/gone.c",)), load_board("host"), tmp_path / "project")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../main.c", "/main.c", "a/../../main.c"])
def test_files_stay_inside_the_project(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="must stay inside the project"):
        write_project(Sources({name: MAIN}), load_board("host"), tmp_path / "project")


@pytest.mark.parametrize("board_id", ["host", "mps2-an386", "microbit"])
def test_same_input_same_bytes(board_id: str, tmp_path: Path) -> None:
    board = load_board(board_id)
    write_project(SOURCES, board, tmp_path / "one")
    write_project(SOURCES, board, tmp_path / "deeper" / "two")
    one, two = contents(tmp_path / "one"), contents(tmp_path / "deeper" / "two")
    assert one == two
    assert one["src/main.c"] == MAIN
    ours = {name: data for name, data in one.items() if not name.startswith("packages/")}
    assert not [name for name, data in ours.items() if str(tmp_path).encode() in data]


def test_configuration_carries_board_flags_and_defines(tmp_path: Path) -> None:
    write_project(SOURCES, load_board("microbit"), tmp_path / "project")
    for name in ("platformio.ini", "offline.ini"):
        ini = configparser.ConfigParser()
        ini.read(tmp_path / "project" / name)
        environment = ini["env:microbit"]
        assert environment["board"] == "microbit"
        flags = environment["build_flags"].split()
        assert {"-std=c99", "-ffp-contract=off", "-Wconversion", "-Os", "-DFW_ANSWER=42", "-DFW_FLAG"} <= set(flags)
    manifest = json.loads((tmp_path / "project/platform/boards/microbit.json").read_text())
    assert manifest["upload"] == {"maximum_size": 0x3C000, "maximum_ram_size": 0x4000}
    assert "-mcpu=cortex-m0" in manifest["build"]["core_flags"]


def test_the_stack_is_the_boards_unless_asked_for(tmp_path: Path) -> None:
    board = load_board("microbit")
    for wanted, given in ((None, 2048), (1000, 1008)):
        write_project(Sources({"main.c": MAIN}, stack_bytes=wanted), board, tmp_path / "project")
        manifest = json.loads((tmp_path / "project/platform/boards/microbit.json").read_text())
        assert manifest["build"]["stack_bytes"] == given


def test_a_project_is_replaced_and_keeps_its_build_folder(tmp_path: Path) -> None:
    target = tmp_path / "project"
    write_project(Sources({"main.c": MAIN, "old.c": b""}), load_board("host"), target)
    (target / ".pio").mkdir()
    (target / ".pio" / "kept").write_text("")
    write_project(SOURCES, load_board("host"), target)
    assert not (target / "src" / "old.c").exists()
    assert (target / ".pio" / "kept").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["project"]


def test_scons_comes_along_unless_it_is_not_wanted(tmp_path: Path) -> None:
    write_project(SOURCES, load_board("host"), tmp_path / "whole")
    write_project(SOURCES, load_board("host"), tmp_path / "slim", standalone=False)
    whole, slim = contents(tmp_path / "whole"), contents(tmp_path / "slim")
    scons = {name for name in whole if name.startswith("packages/tool-scons/")}
    assert {"packages/tool-scons/scons.py", "packages/tool-scons/LICENSE"} <= scons
    assert slim == {name: data for name, data in whole.items() if name not in scons}


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(BadInputError, match="is not empty and not a fieldwren project"):
        write_project(SOURCES, load_board("host"), tmp_path)
    assert contents(tmp_path) == {"thesis.tex": b"years of work"}


def test_nothing_is_left_behind_when_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Path, __: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DiskFullError, match="free some space"):
        write_project(SOURCES, load_board("host"), tmp_path / "project")
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []
