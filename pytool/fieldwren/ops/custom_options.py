"""Options of custom operators, which TensorFlow Lite stores as a FlexBuffers map."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from flatbuffers import flexbuffers

from fieldwren.graph import Operator
from fieldwren.ops.lowering import Lowering

_MALFORMED = (
    struct.error,
    IndexError,
    ValueError,
    TypeError,
    OverflowError,
    KeyError,
    RecursionError,
    UnicodeDecodeError,
)


def custom_options(ctx: Lowering, op: Operator) -> Mapping[str, Any]:
    """The map that `op` carries; refused when the bytes are none."""
    try:
        options = flexbuffers.Loads(bytearray(op.custom_options))
    except _MALFORMED:
        options = None
    if not isinstance(options, dict):
        ctx.fail(op, f"has {len(op.custom_options)} bytes of options that are not a FlexBuffers map")
    return options


def integer(ctx: Lowering, op: Operator, options: Mapping[str, Any], name: str, low: int, high: int) -> int:
    """The option `name`, refused when it is absent, no integer, or outside [low, high]."""
    value = options.get(name)
    if not isinstance(value, int) or not low <= value <= high:
        ctx.fail(op, f"has the option {name} = {value!r}; an integer from {low} to {high} is needed")
    return int(value)
