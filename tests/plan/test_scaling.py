"""Twice the operators, twice the work: counted in executed lines, not in seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import pytest

from fieldwren.core import Core
from fieldwren.ops.lowering import lower
from fieldwren.plan import plan
from fieldwren.render.environment import Provenance
from fieldwren.render.model import render_model
from fieldwren.tflite import read_bytes
from ops.model_builder import OperatorSpec, TensorSpec, build, constant, operator, tensor

CORE = Core("cortex-m4", dsp=True, fpu=True)


def network(operators: int, channels: int) -> bytes:
    """Residual blocks of a 1x1 convolution, a 3x3 depthwise one and an addition, each layer with weights of its own."""
    generator = np.random.default_rng(0)

    def activation() -> TensorSpec:
        return tensor((1, 4, 4, channels), "int8", 0.05)

    def layer(name: str, source: TensorSpec, shape: tuple[int, ...], axis: int) -> OperatorSpec:
        weights = constant(
            generator.integers(-127, 128, shape).astype(np.int8), generator.uniform(0.002, 0.01, channels), axis=axis
        )
        bias = constant(generator.integers(-99, 99, channels).astype(np.int32), np.full(channels, 1e-4))
        step = {"padding": "SAME", "stride_h": 1, "stride_w": 1}
        more = {"depth_multiplier": 1} if name == "DEPTHWISE_CONV_2D" else {}
        return operator(name, [source, weights, bias], [activation()], options=step | more)

    x = source = activation()
    layers: list[OperatorSpec] = []
    for _ in range(operators // 3):
        pointwise = layer("CONV_2D", source, (channels, 1, 1, channels), 0)
        depthwise = layer("DEPTHWISE_CONV_2D", pointwise.outputs[0], (1, 3, 3, channels), 3)
        added = operator("ADD", [depthwise.outputs[0], source], [activation()])
        layers += [pointwise, depthwise, added]
        source = added.outputs[0]
    return build(layers, [x], [source])


def compiled(content: bytes) -> int:
    """The whole way from bytes to C; the number of kernel calls."""
    planned = plan(lower(read_bytes(content, "network"), CORE))
    render_model(planned, Provenance(planned.program.model_sha256, "network", "none"))
    return len(planned.program.calls)


def lines_of(work: Callable[[], object]) -> int:
    """How many lines of Python `work` executes, a loop's as often as it turns."""
    count = 0

    def local(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return local

    before = sys.gettrace()
    sys.settrace(lambda frame, event, argument: local)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.slow
def test_work_grows_in_proportion_to_the_operators() -> None:
    small, large = network(60, 4), network(240, 4)
    compiled(small)  # loads modules and tables
    counts = [lines_of(lambda content=content: compiled(content)) for content in (small, large)]  # type: ignore[misc]  # a default argument
    assert counts[0] > 1000
    assert counts[1] < 4.4 * counts[0], counts


@pytest.mark.slow
def test_300_operators_of_two_megabytes() -> None:
    """As large as models get: compiled in one call for each operator, in as little memory as any layout needs."""
    content = network(300, 112)
    assert len(content) > 1_500_000
    planned = plan(lower(read_bytes(content, "network"), CORE))
    assert len(planned.program.calls) == 300
    assert planned.arena_bytes == planned.arena_bound_bytes
