from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, seeds
from ops.model_builder import build, constant, operator, tensor
from ops.strategies import activations, bias, gains, log_scales, weights, zero_points


@cases(
    60,
    batches=st.integers(1, 4),
    width=st.integers(1, 70),
    channels=st.integers(1, 13),
    input_scale=log_scales,
    input_zero_point=zero_points("int8"),
    gain=gains,
    output_zero_point=zero_points("int8"),
    per_channel=st.booleans(),
    has_bias=st.booleans(),
    activation=activations,
    seed=seeds,
)
def test_equal(
    *,
    batches: int,
    width: int,
    channels: int,
    input_scale: float,
    input_zero_point: int,
    gain: float,
    output_zero_point: int,
    per_channel: bool,
    has_bias: bool,
    activation: str,
    seed: int,
) -> None:
    generator = np.random.default_rng(seed)
    scales = generator.uniform(0.002, 0.02, channels if per_channel else 1)
    weights_zero_point = 0 if per_channel else int(generator.integers(-128, 128)) * int(generator.integers(0, 2))
    x = tensor((batches, width), "int8", input_scale, input_zero_point)
    w = constant(weights(generator, (channels, width)), scales, weights_zero_point)
    b = bias(generator, channels, input_scale * scales) if has_bias else None
    y = tensor((batches, channels), "int8", gain * input_scale * scales.max() * 20 * width**0.5, output_zero_point)
    assert_exact(
        build([operator("FULLY_CONNECTED", [x, w, b], [y], fused_activation_function=activation)], [x], [y]),
        seed,
    )


def test_keeps_leading_dimensions() -> None:
    generator = np.random.default_rng(1)
    x = tensor((2, 3, 8), "int8", 0.1, 5)
    w = constant(weights(generator, (4, 8)), 0.01)
    y = tensor((2, 3, 4), "int8", 0.5, 1)
    assert_exact(build([operator("FULLY_CONNECTED", [x, w, None], [y], keep_num_dims=True)], [x], [y]))


def test_wraps_like_the_reference() -> None:
    # The accumulator of a huge bias wraps modulo 2^32 in both.
    x = tensor((1, 300), "int8", 0.1, -128)
    w = constant(np.full((2, 300), 127, np.int8), 0.01)
    b = constant(np.array([2**31 - 1, -(2**31)], np.int32), 0.001)
    y = tensor((1, 2), "int8", 30000.0, 0)
    assert_exact(build([operator("FULLY_CONNECTED", [x, w, b], [y])], [x], [y]))


def test_refuses_shapes_that_do_not_match() -> None:
    x, y = tensor((1, 9), "int8", 0.1), tensor((1, 4), "int8", 0.1)
    w = constant(np.zeros((4, 8), np.int8), 0.01)
    assert_refused(
        build([operator("FULLY_CONNECTED", [x, w, None], [y])], [x], [y]), r"FULLY_CONNECTED .* do not match"
    )


def test_refuses_weights_of_run_time() -> None:
    x, y, w = tensor((1, 8), "int8", 0.1), tensor((1, 4), "int8", 0.1), tensor((4, 8), "int8", 0.1)
    assert_refused(build([operator("FULLY_CONNECTED", [x, w, None], [y])], [x, w], [y]), "computed at run time")
