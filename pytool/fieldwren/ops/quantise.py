"""Scales to fixed point, with the arithmetic of TensorFlow Lite's kernel_util and quantization_util.

Ratios of scales are computed in double, as TensorFlow Lite Micro does since the autumn of 2026. Before, some operators
(FULLY_CONNECTED per tensor, SVDF, LSTM gates, SUB, DIV, RELU, LEAKY_RELU, ABS, HARD_SWISH, RSQRT) rounded them to
float32, which changes about one int16 result in ten thousand by 1, and next to none of int8.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import DTYPES, Operator, Tensor
from fieldwren.ops.lowering import Lowering

_MAX_SHIFT = 30
_MAX_STEPS = float(1 << 31)


def round_half_away(x: float) -> int:
    """TfLiteRound: nearest integer, ties away from zero."""
    return math.floor(abs(x) + 0.5) * (1 if x >= 0 else -1)


def quantise_multiplier(real: float) -> tuple[int, int]:
    """(multiplier, shift) with real ≈ multiplier * 2^(shift - 31), multiplier in [2^30, 2^31): QuantizeMultiplier.

    Reals under 2^-32 become (0, 0). Use `requantisation` in lowerings: it refuses what the kernels cannot apply.
    """
    if real == 0.0:
        return 0, 0
    mantissa, shift = math.frexp(real)
    multiplier = round_half_away(mantissa * (1 << 31))
    if multiplier == 1 << 31:
        multiplier //= 2
        shift += 1
    if shift < -31:
        return 0, 0
    return multiplier, shift


def requantisation(ctx: Lowering, op: Operator, real: float) -> tuple[int, int]:
    """`quantise_multiplier` of a ratio of scales; `fail`s where the reference's shift by it would be undefined."""
    if not math.isfinite(real):
        ctx.fail(op, "has scales whose ratio is not finite: convert the model again")
    multiplier, shift = quantise_multiplier(real)
    if shift > _MAX_SHIFT:
        ctx.fail(op, f"has scales whose ratio is {real:g}; ratios up to 2^{_MAX_SHIFT} are supported")
    return multiplier, shift


def smaller_than_one(ctx: Lowering, op: Operator, real: float) -> tuple[int, int]:
    """QuantizeMultiplierSmallerThanOneExp: the shift is 0 or negative; `fail`s where the reference aborts."""
    multiplier, shift = quantise_multiplier(real) if 0 < real < 1 else (0, 1)
    if shift > 0:
        ctx.fail(op, f"has scales whose ratio is {real:g}; it must lie between 0 and 1")
    return multiplier, shift


def channel_scales(ctx: Lowering, op: Operator, weights: Tensor, channels: int) -> NDArray[np.float64]:
    """The scale of each output channel of `weights`, float64[channels]."""
    quantisation = weights.quantisation
    if quantisation is None or not np.all(quantisation.scales > 0):
        ctx.fail(op, f"needs quantised weights, and {weights.name!r} has no scale: convert the model to full int8")
    scales = quantisation.scales.astype(np.float64)
    if scales.size not in (1, channels):
        ctx.fail(op, f"has {scales.size} weight scales for {channels} output channels in {weights.name!r}")
    return np.resize(scales, channels)


def channel_multipliers(
    ctx: Lowering, op: Operator, source: Tensor, weights: Tensor, output: Tensor, channels: int
) -> tuple[NDArray[np.int32], NDArray[np.int8]]:
    """Per-channel multipliers and shifts of a convolution: PopulateConvolutionQuantizationParams (in double)."""
    scales = ctx.scale(op, source) * channel_scales(ctx, op, weights, channels) / ctx.scale(op, output)
    pairs = [requantisation(ctx, op, float(s)) for s in scales]
    return np.array([m for m, _ in pairs], np.int32), np.array([s for _, s in pairs], np.int8)


def quantised_limits(
    ctx: Lowering, op: Operator, tensor: Tensor, low: float | None, high: float | None
) -> tuple[int, int]:
    """The quantised numbers of `tensor` that stand for the real ones from `low` to `high`; None leaves that end open."""
    info = np.iinfo(DTYPES[tensor.dtype])
    zero_point = ctx.zero_point(op, tensor)

    def quantised(real: float) -> int:
        # TFLite divides in float32: Quantize(scale, zero_point, f).
        with np.errstate(over="ignore"):
            steps = float(np.float32(real) / np.float32(ctx.scale(op, tensor)))
        if abs(steps) > _MAX_STEPS:
            ctx.fail(op, f"has the scale {ctx.scale(op, tensor):g} in {tensor.name!r}, too small for {real:g}")
        return zero_point + round_half_away(steps)

    least = int(info.min) if low is None else max(int(info.min), quantised(low))
    most = int(info.max) if high is None else min(int(info.max), quantised(high))
    return least, most


_ACTIVATIONS: Mapping[str, tuple[float | None, float | None]] = {
    "NONE": (None, None),
    "RELU": (0.0, None),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
}
"""Real range of each fused activation."""


def activation_limits(ctx: Lowering, op: Operator) -> tuple[float | None, float | None]:
    """The real range of the fused activation of `op`; None is an open end."""
    activation = op.options.get("fused_activation_function", "NONE")
    if activation not in _ACTIVATIONS:
        ctx.fail(op, f"has the fused activation {activation}; supported: {', '.join(_ACTIVATIONS)}")
    return _ACTIVATIONS[activation]


def float_activation_range(ctx: Lowering, op: Operator) -> dict[str, float]:
    """{"output_min", "output_max"} of the fused activation of a float32 operator: CalculateActivationRange."""
    low, high = activation_limits(ctx, op)
    largest = float(np.finfo(np.float32).max)
    return {"output_min": -largest if low is None else low, "output_max": largest if high is None else high}


def activation_range(ctx: Lowering, op: Operator, output: Tensor) -> dict[str, int]:
    """{"output_min", "output_max"} of the fused activation: CalculateActivationRangeQuantized."""
    low, high = quantised_limits(ctx, op, output, *activation_limits(ctx, op))
    return {"output_min": low, "output_max": high}
