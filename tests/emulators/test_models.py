"""Every shown model that a board can hold: TFLM, fw_run and the rendered C on the board give the same bits."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from fieldwren.check import check
from fieldwren.infer import infer
from fieldwren.verify import verify
from support import data_root, require_data, require_module, require_tool

pytestmark = pytest.mark.emulator

MODELS = sorted(path.stem for path in (data_root() / "models").glob("*.tflite"))
SECONDS_LONG = {"cfu_hps_74ops"}
"""470 million multiply-accumulates: minutes under emulation."""


def models() -> list[object]:
    return [pytest.param(name, marks=pytest.mark.long) if name in SECONDS_LONG else name for name in MODELS]


def require_board(board: str) -> None:
    require_module("tflite_micro")
    require_tool("riscv64-unknown-elf-gcc" if board == "riscv32-virt" else "arm-none-eabi-gcc")
    require_tool("qemu-system-riscv32" if board == "riscv32-virt" else "qemu-system-arm")


@pytest.mark.parametrize("board", ["riscv32-virt", "microbit"])
@pytest.mark.parametrize("name", models())
def test_verify(name: str, board: str) -> None:
    require_board(board)
    model = require_data("models", f"{name}.tflite")
    if not check(model, board).fits:
        assert board == "microbit", f"{name} must fit {board}"
        return
    assert verify(model, board, steps=3).equal


def assert_goldens(name: str, board: str, folder: Path) -> None:
    """The stored TFLM outputs, through the rendered C on `board`."""
    require_board(board)
    with require_data("models", "manifest.csv").open() as file:
        stateful = {row["file"][:-7]: row["stateful"].startswith("yes") for row in csv.DictReader(file)}
    goldens = np.load(require_data("goldens", f"{name}.npz"))
    seeds = sorted({int(key.split("_s")[1]) for key in goldens.files})
    runs = [[s for s in seeds if s < 100], [s for s in seeds if s >= 100]] if stateful[name] else [seeds]
    inputs = len({key for key in goldens.files if key.startswith("in") and key.endswith(f"_s{seeds[0]}")})
    outputs = len({key for key in goldens.files if key.startswith("tflm_out") and key.endswith(f"_s{seeds[0]}")})
    for run in filter(None, runs):
        np.savez(folder / "x.npz", **{f"in{i}": np.stack([goldens[f"in{i}_s{s}"] for s in run]) for i in range(inputs)})
        infer(require_data("models", f"{name}.tflite"), board, folder / "x.npz", folder / "y.npz")
        got = np.load(folder / "y.npz")
        for j in range(outputs):
            expected = np.stack([goldens[f"tflm_out{j}_s{s}"] for s in run])
            np.testing.assert_array_equal(got[f"out{j}"].reshape(expected.shape), expected)


@pytest.mark.parametrize("name", models())
def test_goldens_on_cortex_m4f(name: str, tmp_path: Path) -> None:
    assert_goldens(name, "mps2-an386", tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("board", ["mps2-an385", "mps3-an547", "riscv32-virt"])
@pytest.mark.parametrize("name", MODELS)
def test_goldens_on_other_cores(name: str, board: str, tmp_path: Path) -> None:
    """All of them fit all of these; in CI test_verify covers riscv32-virt, and the sample below the rest."""
    assert check(require_data("models", f"{name}.tflite"), board).fits
    assert_goldens(name, board, tmp_path)


@pytest.mark.parametrize(
    ("name", "board"),
    [("mlperf_kws_dscnn", "mps2-an385"), ("mlperf_kws_dscnn", "mps3-an547"), ("tflm_mnist_lstm", "mps3-an547")],
)
def test_goldens_sample(name: str, board: str, tmp_path: Path) -> None:
    assert_goldens(name, board, tmp_path)
