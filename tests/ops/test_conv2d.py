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
    groups=st.sampled_from([1, 1, 1, 2, 3]),
    group_outputs=st.integers(1, 7),
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
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    depth=st.sampled_from([1, 2, 3, 4, 8, 12, 16]),
    groups=st.just(1),
    group_outputs=st.sampled_from([1, 2, 3, 4, 6, 8, 9, 16]),
    kernel=st.sampled_from([(1, 1), (1, 1), (3, 3), (1, 3), (5, 1)]),
    stride=st.sampled_from([(1, 1), (1, 1), (2, 2), (1, 2)]),
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
    groups: int,
    group_outputs: int,
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
    channels = groups * group_outputs
    padding, outputs = output_sizes(size, kernel, stride, dilation, padding)
    scales = generator.uniform(0.002, 0.02, channels)
    x = tensor((batches, *size, depth * groups), "int8", input_scale, input_zero_point)
    w = constant(weights(generator, (channels, *kernel, depth)), scales)
    b = bias(generator, channels, input_scale * scales) if has_bias else None
    spread = gain * input_scale * scales.max() * 20 * (kernel[0] * kernel[1] * depth) ** 0.5
    y = tensor((batches, *outputs, channels), "int8", spread, output_zero_point)
    convolution = operator(
        "CONV_2D",
        [x, w, b],
        [y],
        padding=padding,
        stride_h=stride[0],
        stride_w=stride[1],
        dilation_h_factor=dilation[0],
        dilation_w_factor=dilation[1],
        fused_activation_function=activation,
    )
    assert_exact(build([convolution], [x], [y]), seed)


def convolution(x_shape: tuple[int, ...], w_shape: tuple[int, ...], y_shape: tuple[int, ...], stride: int = 1) -> bytes:
    """A SAME convolution of zero weights."""
    x, y = tensor(x_shape, "int8", 0.1), tensor(y_shape, "int8", 0.1)
    w = constant(np.zeros(w_shape, np.int8), np.full(w_shape[0], 0.01))
    return build([operator("CONV_2D", [x, w, None], [y], stride_h=stride, stride_w=stride)], [x], [y])


def test_refuses_an_output_of_another_size() -> None:
    assert_refused(convolution((1, 5, 5, 2), (3, 3, 3, 2), (1, 5, 4, 3)), "output size 4 where 5 follows")
    assert_refused(convolution((1, 5, 5, 2), (3, 3, 3, 2), (1, 5, 5, 4)), "do not match")
    assert_refused(convolution((1, 5, 5, 3), (3, 3, 3, 2), (1, 5, 5, 3)), "do not match")


def test_refuses_a_stride_of_zero() -> None:
    assert_refused(convolution((1, 5, 5, 2), (3, 3, 3, 2), (1, 5, 5, 3), stride=0), "stride 0")
