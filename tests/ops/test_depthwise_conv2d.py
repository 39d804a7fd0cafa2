from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, seeds
from ops.model_builder import build, constant, operator, tensor
from ops.strategies import activations, bias, gains, log_scales, output_sizes, paddings, weights, zero_points


@cases(
    90,
    batches=st.integers(1, 2),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    depth=st.integers(1, 9),
    multiplier=st.sampled_from([1, 1, 1, 2, 3, 8]),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    dilation=st.tuples(st.sampled_from([1, 1, 2, 3]), st.sampled_from([1, 1, 2, 3])),
    padding=paddings,
    input_scale=log_scales,
    input_zero_point=zero_points("int8"),
    gain=gains,
    output_zero_point=zero_points("int8"),
    has_bias=st.booleans(),
    activation=activations,
    seed=seeds,
)
def test_equal(**drawn: Any) -> None:
    assert_convolution_exact(**drawn)


# The shapes for which DSP kernels exist.
@cases(
    60,
    batches=st.integers(1, 2),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    depth=st.sampled_from([1, 2, 3, 4, 5, 8]),
    multiplier=st.sampled_from([1, 1, 1, 4]),
    kernel=st.sampled_from([(3, 3), (3, 3), (1, 3), (5, 1)]),
    stride=st.sampled_from([(1, 1), (2, 2)]),
    dilation=st.just((1, 1)),
    padding=paddings,
    input_scale=log_scales,
    input_zero_point=zero_points("int8"),
    gain=gains,
    output_zero_point=zero_points("int8"),
    has_bias=st.booleans(),
    activation=activations,
    seed=seeds,
)
def test_common_shapes(**drawn: Any) -> None:
    assert_convolution_exact(**drawn)


def assert_convolution_exact(
    *,
    batches: int,
    size: tuple[int, int],
    depth: int,
    multiplier: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: str,
    input_scale: float,
    input_zero_point: int,
    gain: float,
    output_zero_point: int,
    has_bias: bool,
    activation: str,
    seed: int,
) -> None:
    generator = np.random.default_rng(seed)
    channels = depth * multiplier
    padding, outputs = output_sizes(size, kernel, stride, dilation, padding)
    scales = generator.uniform(0.002, 0.02, channels)
    x = tensor((batches, *size, depth), "int8", input_scale, input_zero_point)
    w = constant(weights(generator, (1, *kernel, channels)), scales, axis=3)
    b = bias(generator, channels, input_scale * scales) if has_bias else None
    spread = gain * input_scale * scales.max() * 20 * (kernel[0] * kernel[1]) ** 0.5
    y = tensor((batches, *outputs, channels), "int8", spread, output_zero_point)
    convolution = operator(
        "DEPTHWISE_CONV_2D",
        # TFLM crashes on a third input that is left out, and takes two.
        [x, w, b] if b else [x, w],
        [y],
        padding=padding,
        depth_multiplier=multiplier,
        stride_h=stride[0],
        stride_w=stride[1],
        dilation_h_factor=dilation[0],
        dilation_w_factor=dilation[1],
        fused_activation_function=activation,
    )
    assert_exact(build([convolution], [x], [y]), seed)


@cases(
    40,
    size=st.tuples(st.integers(1, 8), st.integers(1, 8)),
    depth=st.integers(1, 6),
    multiplier=st.sampled_from([1, 1, 2]),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    padding=paddings,
    has_bias=st.booleans(),
    input_scale=log_scales,
    gain=gains,
    activation=activations,
    seed=seeds,
)
def test_int16_equal(
    *,
    size: tuple[int, int],
    depth: int,
    multiplier: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: str,
    has_bias: bool,
    input_scale: float,
    gain: float,
    activation: str,
    seed: int,
) -> None:
    generator = np.random.default_rng(seed)
    channels = depth * multiplier
    padding, outputs = output_sizes(size, kernel, stride, dilation, padding)
    scales = generator.uniform(0.002, 0.02, channels)
    x = tensor((1, *size, depth), "int16", input_scale)
    w = constant(weights(generator, (1, *kernel, channels)), scales, axis=3)
    b = constant(np.rint(generator.normal(0, 1e8, channels)).astype(np.int64), input_scale * scales)
    y = tensor((1, *outputs, channels), "int16", gain * input_scale * scales.max() * 20)
    options = {
        "padding": padding,
        "depth_multiplier": multiplier,
        "stride_h": stride[0],
        "stride_w": stride[1],
        "dilation_h_factor": dilation[0],
        "dilation_w_factor": dilation[1],
        "fused_activation_function": activation,
    }
    inputs = [x, w, b] if has_bias else [x, w]
    assert_exact(build([operator("DEPTHWISE_CONV_2D", inputs, [y], options=options)], [x], [y]), seed)


def test_refuses_a_narrow_bias_of_int16() -> None:
    x, y = tensor((1, 4, 4, 2), "int16", 0.1), tensor((1, 4, 4, 2), "int16", 0.1)
    w = constant(np.zeros((1, 3, 3, 2), np.int8), [0.1, 0.1], axis=3)
    options = {"stride_h": 1, "stride_w": 1, "depth_multiplier": 1}
    inputs = [x, w, constant(np.zeros(2, np.int32), [0.01, 0.01])]
    model = build([operator("DEPTHWISE_CONV_2D", inputs, [y], options=options)], [x], [y])
    assert_refused(model, "int32 tensor .*; supported: int64")


def convolution(
    x_shape: tuple[int, ...], w_shape: tuple[int, ...], y_shape: tuple[int, ...], multiplier: int = 1
) -> bytes:
    """A SAME convolution of zero weights."""
    x, y = tensor(x_shape, "int8", 0.1), tensor(y_shape, "int8", 0.1)
    w = constant(np.zeros(w_shape, np.int8), np.full(w_shape[3], 0.01), axis=3)
    options = {"stride_h": 1, "stride_w": 1, "depth_multiplier": multiplier}
    return build([operator("DEPTHWISE_CONV_2D", [x, w], [y], options=options)], [x], [y])


def test_refuses_shapes_that_do_not_match() -> None:
    assert_refused(convolution((1, 5, 5, 2), (1, 3, 3, 2), (1, 5, 4, 2)), "output size 4 where 5 follows")
    assert_refused(convolution((1, 5, 5, 2), (1, 3, 3, 4), (1, 5, 5, 4)), "depth multiplier of 1, which do not match")
    assert_refused(convolution((1, 5, 5, 2), (2, 3, 3, 2), (1, 5, 5, 2)), "do not match")
    assert_refused(convolution((1, 5, 5, 2), (1, 3, 3, 2), (1, 5, 5, 2), multiplier=0), "do not match")
