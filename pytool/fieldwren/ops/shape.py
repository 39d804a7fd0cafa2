"""SHAPE: known before run time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import DTYPES, Operator
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.registry import folds


@folds("SHAPE")
def fold_shape(ctx: Lowering, op: Operator) -> tuple[NDArray[Any], ...]:
    """The dimensions of the input, int32 or int64[rank]."""
    output = ctx.output(op)
    ctx.require_dtype(op, output, "int32", "int64")
    return (np.array(ctx.input(op, 0).shape, DTYPES[output.dtype]),)
