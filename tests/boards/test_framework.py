"""Projects for Arduino and ESP-IDF: PlatformIO reads them, their C and C++ compile against the documented vendor API."""

from __future__ import annotations

import csv
import itertools
import subprocess
from importlib import import_module
from pathlib import Path

import pytest

from fieldwren.boards import board_ids, load_board
from fieldwren.boards.definition import with_framework
from fieldwren.boards.framework import partitions
from fieldwren.errors import BadInputError, MissingToolError
from fieldwren.generate import build, generate
from support import CHECKOUT, made_once, require_tool

VENDOR = CHECKOUT / "tests" / "port" / "vendor"
PAIRS = [
    (board_id, framework)
    for board_id in board_ids()
    for framework in (load_board(board_id).platformio.frameworks if load_board(board_id).platformio else ())  # type: ignore[union-attr]
]


@pytest.fixture(scope="module", params=PAIRS, ids="-".join)
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, Path]:
    board_id, framework = request.param

    def make(folder: Path) -> None:
        generate(CHECKOUT / "examples" / "digits", board_id, folder / "p", framework=framework)

    return board_id, framework, made_once(tmp_path_factory, f"{board_id}-{framework}", make) / "p"


def test_all_boards_of_the_registry_have_a_project() -> None:
    assert {"esp32dev", "esp32-s3-devkitc-1", "esp32-c3-devkitm-1"} == {b for b, f in PAIRS if f == "espidf"}
    assert {b for b, f in PAIRS if f == "arduino"} == {
        *("esp32dev", "esp32-s3-devkitc-1", "esp32-c3-devkitm-1"),
        *("nano33ble", "xiao-nrf52840-sense", "nrf52840dk"),
    }


def test_platformio_reads_it(project: tuple[str, str, Path]) -> None:
    from platformio.project.config import ProjectConfig

    board_id, framework, folder = project
    board = with_framework(load_board(board_id), framework)
    assert board.platformio is not None and board.memory is not None
    config = ProjectConfig(str(folder / "platformio.ini"))
    config.validate()
    (environment,) = config.envs()
    get = {key: config.get(f"env:{environment}", key) for key in ("platform", "board", "framework", "build_flags")}
    assert (get["platform"], get["board"]) == (board.platformio.platform, board.platformio.board)
    assert get["framework"] == [framework]
    assert "-Ilib/fieldwren" in get["build_flags"]
    raw = dict(config.items(env=environment))
    assert int(raw["board_upload.maximum_size"]) == board.memory.app.bytes
    assert not (folder / "offline.ini").exists()


def test_it_compiles_against_the_documented_api(project: tuple[str, str, Path]) -> None:
    board_id, framework, folder = project
    library = folder / "lib" / "fieldwren"
    esp = load_board(board_id).platformio.platform == "espressif32"  # type: ignore[union-attr]
    own = list((folder / "src").glob("*.c"))
    ports = list((library / "port").rglob("*.c*"))
    include = [f"-I{p}" for p in (library, library / "include", folder / "src", VENDOR / "arduino", VENDOR / "espidf")]
    flags = ["-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-DFW_FRONTEND_KINDS=2u", *include]
    flags += ["-DARDUINO_ARCH_ESP32"] if esp and framework == "arduino" else []
    versions = ["4"] if framework == "arduino" else ["5"]
    for version in [*versions, "5"] if esp else versions:
        define = [f"-DESP_IDF_VERSION_MAJOR={version}"]
        plain = [str(p) for p in [*own, *ports] if p.suffix == ".c"]
        subprocess.run([str(require_tool("gcc")), "-std=gnu17", *flags, *define, *plain], check=True)
        plus = [str(p) for p in ports if p.suffix == ".cpp"]
        if plus:
            subprocess.run([str(require_tool("g++")), "-std=gnu++11", *flags, *define, *plus], check=True)
    assert ports and own


def test_everything_the_app_owes_the_port_and_the_port_owes_the_app_is_there(project: tuple[str, str, Path]) -> None:
    """Each function of fw_port.h that the firmware calls is defined in the project, once."""
    _, framework, folder = project
    text = "\n".join(p.read_text() for p in (folder / "lib" / "fieldwren" / "port").rglob("*.c*"))
    main = (folder / "src" / "app_main.c").read_text()
    for name in ("init", "millis", "idle", "read", "write", "ticks", "reset", "exit", "audio_start"):
        if f"fw_port_{name}(" in main or name in ("exit", "ticks"):
            assert text.count(f"fw_port_{name}(") >= 1, name
    assert "void fw_app_main(void) {" in main and "int main(" not in main
    assert ("void app_main(void)" in text) == (framework == "espidf")


def test_projects_for_the_esp32_bring_their_partition_table(project: tuple[str, str, Path]) -> None:
    """Arduino's build takes it from platformio.ini, ESP-IDF's also from sdkconfig.defaults; the store finds its name."""
    board_id, framework, folder = project
    board = with_framework(load_board(board_id), framework)
    assert board.platformio is not None and board.memory is not None
    is_esp = board.platformio.platform == "espressif32"
    assert (folder / "partitions.csv").is_file() == is_esp
    if not is_esp:
        return
    assert (folder / "partitions.csv").read_bytes() == partitions(board.memory).encode()
    assert "board_build.partitions = partitions.csv" in (folder / "platformio.ini").read_text()
    if framework == "espidf":
        sdkconfig = (folder / "sdkconfig.defaults").read_text()
        assert "CONFIG_PARTITION_TABLE_CUSTOM=y" in sdkconfig
        assert 'CONFIG_PARTITION_TABLE_CUSTOM_FILENAME="partitions.csv"' in sdkconfig
    row = next(line for line in (folder / "partitions.csv").read_text().splitlines() if line.startswith("fieldwren"))
    assert [cell.strip() for cell in row.split(",")][1:3] == ["data", "0x40"]
    flash = (folder / "lib" / "fieldwren" / "port" / "esp32" / "flash.c").read_text()
    assert '(ESP_PARTITION_TYPE_DATA, (esp_partition_subtype_t)0x40, "fieldwren")' in flash


@pytest.mark.parametrize("board_id", [b for b, f in PAIRS if f == "espidf"])
def test_the_partition_table_is_the_memory_map(board_id: str) -> None:
    memory = with_framework(load_board(board_id), "arduino").memory
    assert memory is not None and memory.store is not None
    rows = list(csv.reader(partitions(memory).splitlines()[1:], skipinitialspace=True))
    spans = {row[0]: (int(row[3], 0), int(row[3], 0) + int(row[4], 0)) for row in rows}
    assert spans["factory"] == (memory.app.origin, memory.app.end)
    assert spans["fieldwren"] == (memory.store.origin, memory.store.end)
    ordered = sorted(spans.values())
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(ordered))
    assert ordered[0][0] >= 0x9000 and ordered[-1][1] <= memory.flash.end
    assert spans["factory"][0] % 0x10000 == 0  # what the bootloader maps


@pytest.mark.parametrize("board_id", board_ids())
def test_image_and_store_stay_clear_of_what_belongs_to_others(board_id: str) -> None:
    board = load_board(board_id)
    maps = [board.memory, *(f.memory for f in (board.platformio.frameworks.values() if board.platformio else ()))]
    for memory in filter(None, maps):
        for other in memory.reserved:
            for mine in filter(None, (memory.app, memory.store)):
                assert mine.end <= other.origin or other.end <= mine.origin, f"{other.what} of {board_id}"


def test_known_bootloaders_are_reserved() -> None:
    """From the boards' own documentation: Arduino's bootloader is 64 KiB, Seeed's SoftDevice 0x27000, its bootloader
    and settings from 0xF4000 on."""
    nano, xiao = load_board("nano33ble").memory, load_board("xiao-nrf52840-sense").memory
    assert nano is not None and xiao is not None and xiao.store is not None
    assert nano.app.origin == 0x10000
    assert (xiao.app.origin, xiao.app.end) == (0x27000, 0xED000)
    assert xiao.store.end <= 0xF4000


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("app_start = 0x1_0000", "app_start = 0xF000"), "app 0xf000-0xf0000 overlaps the bootloader 0x0-0x10000"),
        (
            ("store = { origin = 0xF_0000, bytes = 0x1_0000", "store = { origin = 0xF000, bytes = 0x1000"),
            "store 0xf000-0x10000 overlaps the bootloader 0x0-0x10000",
        ),
    ],
)
def test_a_board_that_overwrites_its_bootloader_is_refused(
    tmp_path: Path, change: tuple[str, str], complaint: str
) -> None:
    text = (CHECKOUT / "boards" / "nano33ble.toml").read_text()
    assert change[0] in text
    (tmp_path / "bad.toml").write_text(text.replace(*change))
    with pytest.raises(BadInputError, match=complaint):
        load_board(str(tmp_path / "bad.toml"))


def test_a_framework_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"nano33ble: has no project for the framework 'espidf'; it has arduino"):
        generate(CHECKOUT / "examples" / "digits", "nano33ble", tmp_path / "p", framework="espidf")
    with pytest.raises(BadInputError, match="it has none: it is built bare"):
        generate(CHECKOUT / "examples" / "digits", "microbit", tmp_path / "p", framework="arduino")


def test_without_the_registry_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("fieldwren.boards.build"), "registry_answers", lambda: False)
    with pytest.raises(MissingToolError, match="registry does not answer within 5 s: the arduino framework comes from"):
        build(CHECKOUT / "examples" / "digits", "esp32dev", tmp_path / "p")
