from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fieldwren.errors import BadInputError
from fieldwren.infer import infer
from support import require_tool

MODEL = "tflm_hello_world"


@pytest.fixture
def model(shared_data: Path) -> Path:
    return shared_data / "models" / f"{MODEL}.tflite"


def goldens(shared_data: Path) -> tuple[np.ndarray, np.ndarray]:
    stored = np.load(shared_data / "goldens" / f"{MODEL}.npz")
    seeds = sorted({int(key.split("_s")[1]) for key in stored.files})
    return (
        np.stack([stored[f"in0_s{s}"] for s in seeds]),
        np.stack([stored[f"tflm_out0_s{s}"] for s in seeds]),
    )


@pytest.mark.parametrize("board", ["host", pytest.param("mps2-an386", marks=pytest.mark.emulator)])
def test_goldens(shared_data: Path, model: Path, tmp_path: Path, board: str) -> None:
    if board != "host":
        require_tool("qemu-system-arm")
        require_tool("arm-none-eabi-gcc")
    inputs, expected = goldens(shared_data)
    np.savez(tmp_path / "x.npz", in0=inputs)
    result = infer(model, board, tmp_path / "x.npz", tmp_path / "y.npz")
    assert result.steps == len(inputs)
    np.testing.assert_array_equal(np.load(tmp_path / "y.npz")["out0"].reshape(expected.shape), expected)


@pytest.mark.parametrize(
    ("arrays", "complaint"),
    [
        ({"in0": np.zeros((1, 1, 1), np.float32)}, "float32"),
        ({"in0": np.zeros((1, 2, 1), np.int8)}, "shape"),
        ({"in1": np.zeros((1, 1, 1), np.int8)}, "in1"),
        ({}, "arrays"),
    ],
)
def test_wrong_inputs_are_refused_and_nothing_is_written(
    model: Path, tmp_path: Path, arrays: dict[str, np.ndarray], complaint: str
) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(BadInputError, match=complaint):
        infer(model, "host", tmp_path / "x.npz", tmp_path / "y.npz")
    assert [p.name for p in tmp_path.iterdir()] == ["x.npz"]


def test_a_file_that_is_no_archive(model: Path, tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(b"PK nonsense")
    with pytest.raises(BadInputError, match=r"x\.npz"):
        infer(model, "host", tmp_path / "x.npz", tmp_path / "y.npz")


def test_unwritable_output_folder(model: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", in0=np.zeros((1, 1, 1), np.int8))
    with pytest.raises(BadInputError, match="cannot be written"):
        infer(model, "host", tmp_path / "x.npz", tmp_path / "no" / "y.npz")
