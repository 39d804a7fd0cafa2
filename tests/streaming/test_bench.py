"""`bench --streaming` counts one hop, and says what the app's firmware does with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from fieldwren import paths
from fieldwren.bench_streaming import bench_streaming
from fieldwren.errors import BadInputError
from streaming.models import ds_cnn_stream
from support import require_data, require_tool

BOARD = "mps2-an386"


@pytest.fixture
def tools() -> None:
    require_tool("qemu-system-arm")
    require_tool("arm-none-eabi-gcc")


@pytest.mark.emulator
@pytest.mark.usefixtures("tools")
def test_a_valid_model_takes_a_tenth(tmp_path: Path) -> None:
    """The bar of a model that is VALID in time, at a hop of one row."""
    (tmp_path / "valid.tflite").write_bytes(ds_cnn_stream())
    found = bench_streaming(tmp_path / "valid.tflite", BOARD)
    assert found.streams and found.reason is None
    assert (found.hop_frames, found.window_frames) == (2, 98)
    assert 10 * found.instructions_per_hop <= found.instructions_full_window
    assert found.network is not None and found.network.state_bytes == found.state_bytes > 0


@pytest.mark.emulator
@pytest.mark.usefixtures("tools")
def test_an_app_with_a_window_front_end_is_run_whole() -> None:
    """The example's front end takes the window's mean off every frame."""
    found = bench_streaming(paths.examples() / "digits", BOARD)
    assert not found.streams and found.reason is not None and "window-mean" in found.reason
    assert found.network is not None and found.network.phases == 2
    assert found.instructions_per_hop == found.instructions_full_window > found.network.instructions_per_hop
    assert found.state_bytes == 0 < found.network.state_bytes
    assert found.hop_ms == 100.0 and found.front_end_instructions is not None and found.cpu_share is not None
    # 25 MHz, one to three cycles an instruction.
    instructions = found.instructions_per_hop + found.front_end_instructions
    assert instructions <= found.cpu_share * 2.5e6 <= 3 * instructions


def test_what_cannot_be_counted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="instructions are counted in QEMU"):
        bench_streaming(require_data("models", "mlperf_kws_dscnn.tflite"), "host")
    with pytest.raises(BadInputError, match="mlperf_ad01: cannot stream"):
        bench_streaming(require_data("models", "mlperf_ad01.tflite"), BOARD)
