"""Weights of four bits, two to a byte: the reference unpacks them, here the reader does."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from ops.harness import assert_exact, cases, seeds
from ops.model_builder import TensorSpec, build, operator, tensor
from ops.strategies import activations, bias, gains, log_scales, zero_points


def packed(
    generator: np.random.Generator, shape: tuple[int, ...], scale: np.ndarray | float, axis: int = 0
) -> TensorSpec:
    """A constant of int4, the first of each pair in the low half of its byte."""
    values = generator.integers(-7, 8, int(np.prod(shape))).astype(np.int8)
    halves = np.append(values, np.zeros(values.size % 2, np.int8)).reshape(-1, 2) & 15
    stored = (halves[:, 0] | halves[:, 1] << 4).astype(np.uint8)
    return tensor(shape, "int4", scale, axis=axis, data=stored)


@cases(
    40,
    name=st.sampled_from(["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"]),
    depth=st.integers(1, 7),
    channels=st.integers(1, 7),
    kernel=st.integers(1, 3),
    input_scale=log_scales,
    gain=gains,
    points=st.tuples(zero_points("int8"), zero_points("int8")),
    activation=activations,
    has_bias=st.booleans(),
    seed=seeds,
)
def test_equal(
    *,
    name: str,
    depth: int,
    channels: int,
    kernel: int,
    input_scale: float,
    gain: float,
    points: tuple[int, int],
    activation: str,
    has_bias: bool,
    seed: int,
) -> None:
    generator = np.random.default_rng(seed)
    step = {"padding": "SAME", "stride_h": 1, "stride_w": 1, "fused_activation_function": activation}
    scales = generator.uniform(0.02, 0.2, depth if name == "DEPTHWISE_CONV_2D" else channels)
    if name == "FULLY_CONNECTED":
        x, y_shape, step = (
            tensor((2, depth), "int8", input_scale, points[0]),
            (2, channels),
            {"fused_activation_function": activation},
        )
        scales = scales[:1]
        w = packed(generator, (channels, depth), scales)
    elif name == "CONV_2D":
        x, y_shape = tensor((1, 4, 5, depth), "int8", input_scale, points[0]), (1, 4, 5, channels)
        w = packed(generator, (channels, kernel, kernel, depth), scales)
    else:
        x, y_shape = tensor((1, 4, 5, depth), "int8", input_scale, points[0]), (1, 4, 5, depth)
        w = packed(generator, (1, kernel, kernel, depth), scales, 3)
        step["depth_multiplier"] = 1
    y = tensor(y_shape, "int8", float(np.float32(input_scale * 0.1 * 4 * 40 * gain)), points[1])
    b = bias(generator, y_shape[-1], np.float32(input_scale) * scales.astype(np.float32)) if has_bias else None
    version = {"CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 4}[name]
    assert_exact(build([operator(name, [x, w, b], [y], version=version, options=step)], [x], [y]), seed)
