from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from fieldwren import paths
from fieldwren.boards import load_board
from fieldwren.check import check
from fieldwren.compiler import compile_model
from fieldwren.errors import BadInputError, UnsupportedError
from fieldwren.fleet import wire
from fieldwren.fleet.device import Task, Update
from fieldwren.images import cached_image, core_of, model_sources
from ops.model_builder import build, operator, tensor
from support import require_tool


def test_a_model_that_fits(shared_data: Path) -> None:
    result = check(shared_data / "models" / "mlperf_kws_dscnn.tflite", "mps2-an386")
    assert result.fits
    assert result.reasons == ()
    assert result.macs == 2656768
    assert result.ops["CONV_2D"] == 5
    assert result.flash_bytes == result.weights_bytes + result.code_bytes


def test_a_model_that_does_not_fit_says_why(shared_data: Path) -> None:
    result = check(shared_data / "models" / "tflm_person_detect.tflite", "microbit")
    assert not result.fits
    by_constraint = {reason.constraint: reason for reason in result.reasons}
    assert by_constraint["ram"].needs > by_constraint["ram"].has == 16384
    assert "microbit" in by_constraint["ram"].message


def test_what_learning_takes_is_shown(shared_data: Path) -> None:
    result = check(shared_data / "models" / "mlperf_kws_dscnn.tflite", "microbit").learning
    assert result.possible
    assert (result.features, result.classes_most) == (64, 16)
    # Head, velocity and the head to go back to; embeddings: 8 of each class, 15 of the guard, the one being taught, and
    # three samples.
    assert result.ram_bytes > 4 * 3 * 65 * 16 + 64 * (8 * 16 + 15 + 1 + 3)
    assert result.ram_bytes < 1.1 * (4 * 3 * 65 * 16 + 64 * (8 * 16 + 15 + 1 + 3))
    assert result.record_bytes < 16384
    assert result.slots == 0  # three such records do not fit into 16 KB


def test_saves_a_day_are_what_wears_the_flash_in_ten_years() -> None:
    result = check(paths.examples() / "presence", "microbit").learning
    assert result.slots == 8  # of two pages of 1 KiB
    assert result.saves_per_day == pytest.approx(8 * 10_000 / 3652.5)


def test_membership_in_a_fleet_is_counted(tmp_path: Path) -> None:
    """RAM as wire.py's messages need it, code as the compiler makes it of what only members link."""
    source, shown = paths.examples() / "presence", {}
    for name, line in (("alone", ""), ("member", "fleet = true\nadapters = true\n"), ("adapted", "adapters = true\n")):
        app = tmp_path / name
        app.mkdir()
        shutil.copy(source / "model.tflite", app / "model.tflite")
        (app / "fieldwren.toml").write_text((source / "fieldwren.toml").read_text() + line)
        shown[name] = check(app, "mps2-an386").learning
    assert shown["alone"].fleet is None
    fleet = shown["member"].fleet
    assert fleet is not None
    parameters = 2 * (16 + 1) + 2 * 16
    task = wire.encode_task(Task(1, 0, 0, 1, np.zeros(parameters, np.float32), 1, 0.1, 0))
    update = wire.encode_update(Update(1, 0, np.zeros(parameters, np.float32), 1, 0, 0), "float32")
    assert fleet.ram_bytes == 4 * 4 * parameters + len(task) + len(update)
    assert shown["member"].ram_bytes == shown["adapted"].ram_bytes + fleet.ram_bytes
    assert shown["member"].code_bytes == shown["adapted"].code_bytes + fleet.code_bytes
    compiler, size = require_tool("arm-none-eabi-gcc"), require_tool("arm-none-eabi-size")
    files = [paths.firmware() / name for name in ("learn/participant.c", "learn/exchange.c", "app/fleet_commands.c")]
    flags = [
        "-mcpu=cortex-m4",
        "-mthumb",
        "-mfpu=fpv4-sp-d16",
        "-mfloat-abi=hard",
        "-std=c99",
        "-O2",
        "-ffp-contract=off",
        "-DFW_FLEET",
    ]
    includes = [f"-I{paths.firmware()}", f"-I{paths.firmware() / 'include'}"]
    subprocess.run([compiler, *flags, "-DFW_ADAPTERS", *includes, "-c", *files], cwd=tmp_path, check=True)
    table = subprocess.run([size, *tmp_path.glob("*.o")], capture_output=True, text=True, check=True).stdout
    linked = sum(int(line.split()[0]) for line in table.splitlines()[1:])
    assert 0.95 * linked <= fleet.code_bytes <= 1.1 * linked


def test_a_model_that_cannot_learn_says_why(tmp_path: Path) -> None:
    x, y = tensor((1, 4), "int8", 0.5, name="x"), tensor((1, 4), "int8", 0.5, name="y")
    (tmp_path / "relu.tflite").write_bytes(build([operator("RELU", [x], [y])], [x], [y]))
    result = check(tmp_path / "relu.tflite", "host").learning
    assert not result.possible
    assert result.reason is not None
    assert "RELU" in result.reason


def test_unknown_board_lists_the_known_ones(shared_data: Path) -> None:
    with pytest.raises(BadInputError, match="mps2-an386"):
        check(shared_data / "models" / "tflm_hello_world.tflite", "mps2-an368")


def test_float_network_names_operator_and_tensor(tmp_path: Path) -> None:
    x, w = tensor((1, 4), "float32", name="x"), tensor((4, 4), "float32", name="w")
    y = tensor((1, 4), "float32", name="doubled")
    (tmp_path / "float.tflite").write_bytes(build([operator("BATCH_MATMUL", [x, w], [y])], [x, w], [y]))
    with pytest.raises(UnsupportedError) as caught:
        check(tmp_path / "float.tflite", "host")
    assert "BATCH_MATMUL" in str(caught.value)
    assert "fieldwren convert" in str(caught.value)
    assert "doubled" in str(caught.value)


@pytest.mark.emulator
@pytest.mark.parametrize("board", ["mps2-an386", "riscv32-virt"])
@pytest.mark.parametrize("name", ["mlperf_ad01", "tinymaix_vww96", "mww_v2_vad"])
def test_predicted_flash_is_that_of_the_linked_image(shared_data: Path, name: str, board: str) -> None:
    """Never less; at most 5 % more where the prediction is not marked as an estimate."""
    path = shared_data / "models" / f"{name}.tflite"
    target = load_board(board)
    require_tool(f"{target.toolchain.prefix}gcc")
    predicted = check(path, board)
    image = cached_image(model_sources(compile_model(path, core_of(target)), target, "core"), target)
    assert image.flash_bytes <= predicted.flash_bytes
    assert predicted.estimated or name != "mww_v2_vad"  # a quarter of it is code
    assert not predicted.estimated or name != "mlperf_ad01"  # nearly all of it is weights
    if not predicted.estimated:
        assert predicted.flash_bytes <= 1.05 * image.flash_bytes
    assert predicted.weights_bytes <= 1.02 * (image.weights_bytes or 0)
