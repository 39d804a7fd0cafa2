"""Board definitions: those that come along are sound, others are refused with file and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from fieldwren import paths
from fieldwren.boards import board_ids, load_board
from fieldwren.errors import BadInputError

EXAMPLE = (paths.boards() / "microbit.toml").read_text()


@pytest.mark.parametrize("board_id", board_ids())
def test_image_and_store_lie_inside_the_flash_and_apart(board_id: str) -> None:
    memory = load_board(board_id).memory
    if memory is None:
        assert board_id == "host"
        return
    flash = range(memory.flash.origin, memory.flash.end)
    app = range(memory.app.origin, memory.app.end)
    assert app[0] in flash
    assert app[-1] in flash
    if memory.store is not None:
        store = range(memory.store.origin, memory.store.end)
        assert store[0] in flash
        assert store[-1] in flash
        assert store[-1] < app[0] or app[-1] < store[0]


@pytest.mark.parametrize("board_id", board_ids())
def test_every_port_folder_exists(board_id: str) -> None:
    for folder in load_board(board_id).port.folders:
        assert list((paths.firmware() / "port" / folder).glob("*.c"))


def test_unknown_board_names_the_nearest_and_all() -> None:
    with pytest.raises(BadInputError, match="unknown board 'mps2-an368': did you mean 'mps2-an386'") as refused:
        load_board("mps2-an368")
    for board_id in board_ids():
        assert board_id in str(refused.value)


def test_a_file_is_a_board_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(EXAMPLE.replace('id = "microbit"', 'id = "mine"'))
    mine, microbit = load_board(str(path)), load_board("microbit")
    assert mine.id == "mine"
    assert mine.memory == microbit.memory


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('cpu = "cortex-m0"\n', "", "core.cpu: Field required"),
        ("clock_hz = 16_000_000", 'clock_hz = "16 MHz"', "clock_hz: Input should be a valid integer"),
        ("clock_hz = 16_000_000", "clock_hz = 16_000_000\ncolour = 1", "colour: Extra inputs are not permitted"),
        ("page_bytes = 1024", "page_bytes = 1000", "memory.store: origin and bytes must be multiples of page_bytes"),
        ("app_end = 0x3_C000", "app_end = 0x3_D000", "memory: store 0x3c000-0x40000 overlaps the app 0x0-0x3d000"),
        ("app_end = 0x3_C000", "app_end = 0x5_0000", "memory: app 0x0-0x50000 is not inside the flash 0x0-0x40000"),
        ("stack_bytes = 2048", "stack_bytes = 20480", "memory: stack_bytes 20480 must be a multiple of 16"),
        ('"packed"]', '"packed", "dsp"]', "board: variant 'dsp' needs core.dsp = true"),
        ('kind = "qemu"', 'kind = "bochs"', "emulator: Input tag 'bochs'"),
        ("[link]", "[link", "not a TOML file"),
    ],
)
def test_a_bad_file_is_refused_with_file_and_field(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert old in EXAMPLE
    path = tmp_path / "bad.toml"
    path.write_text(EXAMPLE.replace(old, new))
    with pytest.raises(BadInputError) as refused:
        load_board(str(path))
    assert str(refused.value).startswith(f"{path}: ")
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"gone\.toml: cannot be read: No such file"):
        load_board(str(tmp_path / "gone.toml"))
