from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, seeds
from ops.model_builder import TensorSpec, build, constant, operator, tensor
from ops.strategies import gains, log_scales, weights, zero_points


def layer(
    generator: np.random.Generator,
    *,
    x: TensorSpec,
    state: TensorSpec,
    y: TensorSpec,
    rank: int,
    memory: int,
    scales: tuple[float, float] = (0.01, 0.01),
) -> bytes:
    filters = y.shape[1] * rank
    features = constant(weights(generator, (filters, x.shape[1])), scales[0])
    times = constant(weights(generator, (filters, memory), state.dtype), scales[1])
    bias_scale = float(np.float32(state.scales[0]) * np.float32(scales[1]))
    b = constant(np.rint(generator.normal(0, 2000, y.shape[1])).astype(np.int32), bias_scale)
    svdf = operator("SVDF", [x, features, times, b, state], [y], rank=rank, fused_activation_function="RELU")
    return build([svdf], [x], [y])


@cases(
    60,
    batches=st.integers(1, 2),
    width=st.integers(1, 12),
    units=st.integers(1, 5),
    rank=st.integers(1, 3),
    memory=st.integers(1, 6),
    state_type=st.sampled_from(["int8", "int16"]),
    input_scale=log_scales,
    input_zero_point=zero_points("int8"),
    state_zero_point=zero_points("int8"),
    output_zero_point=zero_points("int8"),
    gain=gains,
    seed=seeds,
)
def test_equal(
    *,
    batches: int,
    width: int,
    units: int,
    rank: int,
    memory: int,
    state_type: str,
    input_scale: float,
    input_zero_point: int,
    state_zero_point: int,
    output_zero_point: int,
    gain: float,
    seed: int,
) -> None:
    generator = np.random.default_rng(seed)
    x = tensor((batches, width), "int8", input_scale, input_zero_point)
    levels = 1 if state_type == "int8" else 256
    state_scale = input_scale * 0.01 * 20 / levels * float(generator.uniform(0.5, 4))
    zero_point = state_zero_point if state_type == "int8" else 0
    state = tensor((batches, units * rank * memory), state_type, state_scale, zero_point, is_variable=True)
    y = tensor((batches, units), "int8", gain * state_scale * 0.01 * 30 * 30 * levels, output_zero_point)
    assert_exact(layer(generator, x=x, state=state, y=y, rank=rank, memory=memory), seed)


def test_refuses_sizes_that_do_not_match() -> None:
    generator = np.random.default_rng(0)
    x, y = tensor((1, 4), "int8", 0.1), tensor((1, 2), "int8", 0.1)
    state = tensor((1, 9), "int16", 0.1, is_variable=True)
    assert_refused(layer(generator, x=x, state=state, y=y, rank=1, memory=5), "do not match")
    state = tensor((1, 10), "int16", 0.1)
    assert_refused(layer(generator, x=x, state=state, y=y, rank=1, memory=5), "not a variable tensor|computed|written")
