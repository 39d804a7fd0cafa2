from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from ops.harness import assert_exact, cases, seeds
from ops.model_builder import build, constant, operator, tensor
from ops.strategies import activations, gains, log_scales, weights, zero_points


@cases(
    80,
    batches=st.integers(1, 3),
    width=st.integers(1, 60),
    channels=st.integers(1, 9),
    input_scale=log_scales,
    has_zero_points=st.booleans(),
    input_zero_point=zero_points("int16"),
    output_zero_point=zero_points("int16"),
    gain=gains,
    per_channel=st.booleans(),
    bias_type=st.sampled_from(["int32", "int64", None]),
    activation=activations,
    seed=seeds,
)
def test_equal(
    *,
    batches: int,
    width: int,
    channels: int,
    input_scale: float,
    has_zero_points: bool,
    input_zero_point: int,
    output_zero_point: int,
    gain: float,
    per_channel: bool,
    bias_type: str | None,
    activation: str,
    seed: int,
) -> None:
    generator = np.random.default_rng(seed)
    scales = generator.uniform(0.002, 0.02, channels if per_channel else 1)
    weights_zero_point = 0 if per_channel else int(generator.integers(-128, 128)) * has_zero_points
    x = tensor((batches, width), "int16", input_scale, input_zero_point * has_zero_points)
    w = constant(weights(generator, (channels, width)), scales, weights_zero_point)
    b = None
    if bias_type is not None:
        spread = 2e5 if bias_type == "int32" else 1e9
        b = constant(np.rint(generator.normal(0, spread, channels)).astype(bias_type), input_scale * scales[0])
    scale = gain * input_scale * scales.max() * 20 * width**0.5
    y = tensor((batches, channels), "int16", scale, output_zero_point * has_zero_points)
    layer = operator("FULLY_CONNECTED", [x, w, b], [y], fused_activation_function=activation)
    assert_exact(build([layer], [x], [y]), seed)


def test_scales_are_multiplied_in_double() -> None:
    # Their product in float32 gives other results in about 20 of these 65,536 outputs.
    generator = np.random.default_rng(4)
    x = tensor((256, 16), "int16", 0.0137)
    w = constant(weights(generator, (256, 16)), 0.0071)
    b = constant(np.zeros(256, np.int32), 0.0137 * 0.0071)
    y = tensor((256, 256), "int16", 0.0137 * 0.0071 * 150)
    step = [generator.integers(-32768, 32768, (256, 16)).astype(np.int16)]
    assert_exact(build([operator("FULLY_CONNECTED", [x, w, b], [y])], [x], [y]), steps=[step])
