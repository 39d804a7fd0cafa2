"""SAME and VALID padding of convolutions and pools."""

from __future__ import annotations

from fieldwren.graph import Operator
from fieldwren.ops.lowering import Lowering

SAME, VALID = 0, 1
LIMIT = 1 << 24
"""Keeps positions in the padded image far from overflowing 32 bits."""


def window(
    ctx: Lowering, op: Operator, size: int, output: int, kernel: int, stride: int, dilation: int, axis: str = ""
) -> int:
    """Padding before the first element along one axis, which `axis` ("height" or "width") names.

    `fail`s when `output` is not what TFLite computes: ComputeOutSize and ComputePaddingWithOffset of its padding.h. An
    operator made by fieldwren.streaming computes some rows of an image only, and says itself how they are padded.
    """
    explicit = op.options.get(f"explicit_pad_{axis}")
    if explicit is not None:
        return int(explicit)
    padding = op.options.get("padding", SAME)
    reach = (kernel - 1) * dilation + 1
    ctx.require(
        op,
        0 < stride <= LIMIT and dilation > 0 and kernel > 0 and reach <= LIMIT,
        f"has stride {stride}, dilation {dilation}, kernel {kernel}; strides and windows of 1 to 2^24 are supported",
    )
    expected = -(-size // stride) if padding == SAME else -(-(size - reach + 1) // stride)
    ctx.require(op, padding in (SAME, VALID), f"has unknown padding {padding}")
    ctx.require(
        op, output == expected and output > 0, f"has output size {output} where {expected} follows from its shape"
    )
    if padding == VALID:
        return 0
    return max((output - 1) * stride + reach - size, 0) // 2
