"""What operator tests draw: scales, zero points, activations, paddings, and arrays made from a drawn seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray

from ops.model_builder import TensorSpec, constant

log_scales = st.floats(-9, 2).map(lambda exponent: float(np.float32(2.0**exponent)))
"""Tensor scales, evenly over the orders of magnitude that real models have."""

gains = (st.floats(-2.5, 2) | st.floats(-2.5, 2) | st.floats(-10, -2.5)).map(lambda exponent: 2.0**exponent)
"""Output scale relative to a fitting one: small gains saturate, very small ones need multipliers above one."""

activations = st.sampled_from(["NONE", "RELU", "RELU6", "RELU_N1_TO_1"])
paddings = st.sampled_from(["SAME", "VALID"])


def zero_points(dtype: str) -> st.SearchStrategy[int]:
    """Zero points of `dtype`, its ends and 0 more often than by chance."""
    info = np.iinfo(dtype)
    return st.sampled_from([int(info.min), 0, int(info.max)]) | st.integers(int(info.min), int(info.max))


def output_sizes(
    size: Sequence[int], kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int], padding: str
) -> tuple[str, tuple[int, ...]]:
    """(padding, output height and width) of a window operator; SAME where VALID would leave nothing."""
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    valid = tuple(-(-(n - r + 1) // s) for n, r, s in zip(size, reach, stride, strict=True))
    if padding == "VALID" and min(valid) > 0:
        return "VALID", valid
    return "SAME", tuple(-(-n // s) for n, s in zip(size, stride, strict=True))


def weights(generator: np.random.Generator, shape: Sequence[int], dtype: str = "int8") -> NDArray[Any]:
    """Weights as training leaves them (normal), with a few at the ends of the dtype."""
    info = np.iinfo(dtype)
    values = np.clip(np.rint(generator.normal(0, 30, tuple(shape))), info.min, info.max)
    ends = generator.random(tuple(shape)) < 0.03
    return np.where(ends, generator.choice([info.min, info.max], tuple(shape)), values).astype(dtype)


def bias(generator: np.random.Generator, channels: int, scale: ArrayLike, spread: float = 2000.0) -> TensorSpec:
    """A constant int32 bias; `scale` is input scale × weight scale."""
    return constant(np.rint(generator.normal(0, spread, channels)).astype(np.int32), scale)


@st.composite
def broadcast_shapes(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """(first, second, output): two shapes of up to five dimensions that broadcast to the third."""
    output = draw(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    if draw(st.integers(0, 3)) == 0:
        return tuple(output), tuple(output), tuple(output)
    shapes = [[n if draw(st.booleans()) else 1 for n in output] for _ in range(2)]
    del shapes[draw(st.integers(0, 1))][: draw(st.integers(0, len(output) - 1))]
    first, second = (tuple(shape) for shape in shapes)
    return first, second, np.broadcast_shapes(first, second)
