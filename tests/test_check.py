from __future__ import annotations

from pathlib import Path

import pytest

from fieldwren.check import check
from fieldwren.errors import BadInputError, UnsupportedError
from ops.model_builder import build, operator, tensor


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
