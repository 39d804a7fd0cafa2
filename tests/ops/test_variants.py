"""Which variant of a layer is taken; that all of them give the reference's bits, every test of an operator shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from fieldwren import costs, paths
from fieldwren.core import PORTABLE, Core, Optimise
from fieldwren.costs import KernelCost, cost_table, predicted
from fieldwren.kernel import kernels
from fieldwren.ops.lowering import lower
from fieldwren.ops.variants import FAMILIES, variants
from fieldwren.tflite import read_bytes, read_model
from ops.model_builder import build, constant, operator, tensor

M4 = Core("cortex-m4", dsp=True, fpu=True)


def pointwise(channels: int = 8) -> bytes:
    """A 1×1 convolution: the DSP core has two kernels for it, and the portable one."""
    generator = np.random.default_rng(0)
    filters = generator.integers(-100, 100, (channels, 1, 1, 8)).astype(np.int8)
    x, y = tensor((1, 6, 6, 8), "int8", 0.1, 3), tensor((1, 6, 6, channels), "int8", 0.5, -5)
    bias = constant(generator.integers(-100, 100, channels).astype(np.int32), 0.001)
    options = {"stride_h": 1, "stride_w": 1}
    return build([operator("CONV_2D", [x, constant(filters, 0.01), bias], [y], options=options)], [x], [y])


def chosen(
    monkeypatch: pytest.MonkeyPatch,
    per_call: Mapping[str, float],
    optimise: Optimise = "balanced",
    *,
    channels: int = 8,
) -> tuple[str, list[str]]:
    """The kernel that is taken when the kernels cost so much, and the names of all that applied, in order."""
    table = {name: KernelCost({"call": cost}, 0.0) for name, cost in per_call.items()}
    monkeypatch.setattr(costs, "cost_table", lambda cpu: table)
    (call,) = lower(read_bytes(pointwise(channels), "model"), M4, optimise).calls
    assert call.alternatives[0].kernel == call.kernel.name
    return call.kernel.name, [other.name for other in call.alternatives]


def test_the_cheapest_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    prices = {"conv2d_1x1_s8_dsp": 900.0, "conv2d_s8_dsp": 500.0, "conv2d_s8": 2000.0}
    assert chosen(monkeypatch, prices) == ("conv2d_s8_dsp", ["windows", "1x1", "portable"])
    assert chosen(monkeypatch, prices | {"conv2d_s8": 100.0})[0] == "conv2d_s8"


def test_what_was_never_measured_keeps_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen(monkeypatch, {})[0] == "conv2d_1x1_s8_dsp"
    assert chosen(monkeypatch, {"conv2d_s8": 1.0})[0] == "conv2d_1x1_s8_dsp"


def test_working_in_place_is_worth_a_few_per_cent_unless_speed_is_all(monkeypatch: pytest.MonkeyPatch) -> None:
    prices = {"conv2d_1x1_s8_dsp": 1030.0, "conv2d_s8_dsp": 1000.0, "conv2d_s8": 9000.0}
    # More channels out than in: only the 1×1 kernel, which begins at the end, writes over its input.
    assert chosen(monkeypatch, prices, channels=16)[0] == "conv2d_1x1_s8_dsp"
    assert chosen(monkeypatch, prices, "speed", channels=16)[0] == "conv2d_s8_dsp"
    assert chosen(monkeypatch, prices | {"conv2d_1x1_s8_dsp": 1200.0}, channels=16)[0] == "conv2d_s8_dsp"


def test_only_the_chosen_variant_leaves_tables_behind() -> None:
    program = lower(read_bytes(pointwise(), "model"), M4)
    used = {operand.buffer for call in program.calls for operand in call.operands if operand is not None}
    assert used == set(range(len(program.buffers)))


def test_portable_cores_have_portable_kernels() -> None:
    (call,) = lower(read_bytes(pointwise(), "model"), PORTABLE).calls
    assert call.kernel.name == "conv2d_s8"
    for family in FAMILIES:
        assert variants(family)[-1].needs == "portable"


@pytest.mark.parametrize("path", sorted((paths.boards() / "costs").glob("*.json")), ids=lambda path: path.stem)
def test_tables_are_of_kernels_that_exist_and_grow_with_the_work(path: Path) -> None:
    table = cost_table(path.stem)
    assert table.keys() <= kernels().keys()
    assert json.loads(path.read_text())["unit"] == "instructions"
    core = Core(path.stem, dsp="conv2d_1x1_s8_dsp" in table)
    (small,) = lower(read_bytes(pointwise(8), "model"), core).calls
    (large,) = lower(read_bytes(pointwise(64), "model"), core).calls
    few, many = predicted(core, small), predicted(core, large)
    assert few is not None
    assert many is not None
    assert 4 * few < many < 12 * few  # eight times the channels


def test_a_core_without_a_table_borrows_one() -> None:
    (call,) = lower(read_bytes(pointwise(), "model"), Core("cortex-m35p", dsp=True)).calls
    assert call.alternatives[0].instructions == predicted(M4, call)


def test_predictions_are_near_the_counts(shared_data: Path) -> None:
    """docs/benchmarks.json holds what was counted in the emulator, from images that the fit has never seen."""
    figures = json.loads((paths.data_root() / "docs" / "benchmarks.json").read_text())
    for name in ("mlperf_kws_dscnn", "mlperf_ad01"):
        program = lower(read_model(shared_data / "models" / f"{name}.tflite"), M4)
        counted = figures["layers"][name]
        for call, layer in zip(program.calls, counted, strict=True):
            if call.alternatives:
                assert call.alternatives[0].instructions == pytest.approx(layer["instructions"], rel=0.2)
