"""HARD_SWISH: x · relu6(x + 3) / 6."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import Operator
from fieldwren.ops.fixed_point import rounding_divide_by_pot
from fieldwren.ops.lookup import lower_lookup
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.quantise import requantisation
from fieldwren.ops.registry import lowers
from fieldwren.ops.unary import lower_float

Integers = NDArray[np.int64]

_INT16_MAX = 32767
_RELUISH_SCALE = 3 / 32768
_MAX_RIGHT_SHIFT = 15


def _int16(values: Integers) -> Integers:
    return np.clip(values, -_INT16_MAX - 1, _INT16_MAX)


def _high_mul(a: Integers, b: int) -> Integers:
    """gemmlowp's SaturatingRoundingDoublingHighMul of int16: round(a * b / 2^15), ties away from zero."""
    product = a * b
    return _int16(np.sign(product) * ((np.abs(product) + (1 << 14)) >> 15))


def _down_scaled(multiplier: int) -> int:
    """DownScaleInt32ToInt16Multiplier."""
    return min((multiplier + (1 << 15)) >> 16, _INT16_MAX)


@lowers("HARD_SWISH", dtypes=("int8", "float32"))
def lower_hard_swish(ctx: Lowering, op: Operator) -> None:
    """int8: the reference's 16-bit arithmetic, once for each of the 256 inputs. float32."""
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, source, "int8", "float32")
    ctx.require_dtype(op, output, source.dtype)
    if source.dtype == "float32":
        lower_float(ctx, op, source, output)
        return
    fine_scale = ctx.scale(op, source) / 128
    output_multiplier, output_shift = requantisation(ctx, op, fine_scale / ctx.scale(op, output))
    reluish_multiplier, reluish_shift = requantisation(ctx, op, fine_scale / _RELUISH_SCALE)
    ctx.require(
        op,
        -_MAX_RIGHT_SHIFT <= output_shift <= 0 and reluish_shift >= -_MAX_RIGHT_SHIFT,
        f"has the input scale {ctx.scale(op, source):g} and the output scale {ctx.scale(op, output):g}, which are too "
        "far apart or too small for the reference's 16-bit arithmetic",
    )
    zero_points = ctx.zero_point(op, source), ctx.zero_point(op, output)

    def function(values: Integers) -> Integers:
        fine = (values - zero_points[0]) * 128
        preshift = _high_mul(fine, _down_scaled(output_multiplier))
        reluish = _int16(fine << (reluish_shift - 1)) if reluish_shift > 0 else fine
        reluish = _high_mul(reluish, _down_scaled(reluish_multiplier))
        if reluish_shift > 0:
            reluish = _int16(reluish * 2)
        elif reluish_shift < 0:
            reluish = rounding_divide_by_pot(reluish, -reluish_shift)
        unit = (reluish + (1 << 15)) >> 1
        product = unit * preshift
        truncated = np.sign(product) * (np.abs(product) >> 15)
        return np.clip(rounding_divide_by_pot(truncated, -output_shift) + zero_points[1], -128, 127)

    lower_lookup(ctx, op, source, output, function)
