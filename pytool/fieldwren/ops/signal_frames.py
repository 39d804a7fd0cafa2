"""TensorFlow Lite Micro's signal operators that keep samples from one inference to the next."""

from __future__ import annotations

import math

import numpy as np

from fieldwren.graph import DTYPES, Operator
from fieldwren.ops.custom_options import custom_options, integer
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.registry import lowers

_MAX_SAMPLES = 1 << 24


@lowers("SignalDelay", dtypes=("int16",))
def lower_delay(ctx: Lowering, op: Operator) -> None:
    """Each row of samples comes out delay_length samples later."""
    source, output = ctx.input(op, 0), ctx.output(op)
    for tensor in (source, output):
        ctx.require_dtype(op, tensor, "int16")
    ctx.require(
        op,
        len(source.shape) > 0 and source.shape == output.shape and source.elements > 0,
        f"delays {list(source.shape)} into {list(output.shape)}",
    )
    delay = integer(ctx, op, custom_options(ctx, op), "delay_length", 0, _MAX_SAMPLES)
    if delay == 0:
        ctx.alias(output, ctx.value(op, source))
        return
    rows = math.prod(source.shape[:-1])
    ctx.emit(
        op,
        "signal_delay",
        {"rows": rows, "frame": source.shape[-1], "delay": delay},
        {
            "input": ctx.value(op, source),
            "output": ctx.result(output),
            "held": ctx.state(f"{output.name}_held", 2 * rows * delay, "int16"),
        },
    )


@lowers("SignalFramer", dtypes=("int16",))
def lower_framer(ctx: Lowering, op: Operator) -> None:
    """Overlapping frames of frame_size samples, one every frame_step; the second output tells whether they are full."""
    source, output, valid = ctx.input(op, 0), ctx.output(op), ctx.output(op, 1)
    for tensor in (source, output):
        ctx.require_dtype(op, tensor, "int16")
    ctx.require_dtype(op, valid, "bool")
    options = custom_options(ctx, op)
    size, step = (integer(ctx, op, options, name, 1, _MAX_SAMPLES) for name in ("frame_size", "frame_step"))
    is_filled = bool(options.get("prefill"))
    columns = source.shape[-1] if source.shape else 0
    ctx.require(
        op,
        columns > 0
        and columns % step == 0
        and output.shape == (*source.shape[:-1], columns // step, size)
        and valid.elements == 1
        and (size >= step or not is_filled),
        f"cuts {list(source.shape)} into {list(output.shape)}, frames of {size} every {step}",
    )
    rows, capacity = math.prod(source.shape[:-1]), -(-size // step) * step
    queued = np.full(rows, size - step if is_filled else 0, np.int32)
    ctx.emit(
        op,
        "signal_framer",
        {"rows": rows, "frames": columns // step, "frame_size": size, "frame_step": step, "capacity": capacity},
        {
            "input": ctx.value(op, source),
            "output": ctx.result(output),
            "valid": ctx.result(valid),
            "queue": ctx.state(f"{output.name}_queue", 2 * rows * capacity, "int16"),
            "queued": ctx.state(f"{output.name}_queued", queued.nbytes, "int32", queued if is_filled else None),
        },
    )


@lowers("SignalStacker", dtypes=("int16",))
def lower_stacker(ctx: Lowering, op: Operator) -> None:
    """Some frames before and behind each, joined; the first one is repeated for those before it."""
    source, output, valid = ctx.input(op, 0), ctx.output(op), ctx.output(op, 1)
    for tensor in (source, output):
        ctx.require_dtype(op, tensor, "int16")
    ctx.require_dtype(op, valid, "bool")
    options = custom_options(ctx, op)
    channels = integer(ctx, op, options, "num_channels", 1, _MAX_SAMPLES)
    left, right = (integer(ctx, op, options, f"stacker_{side}_context", 0, _MAX_SAMPLES) for side in ("left", "right"))
    stack = left + right + 1
    step = integer(ctx, op, options, "stacker_step", 1, stack)
    ctx.require(
        op,
        source.shape == (channels,) and output.shape == (stack * channels,) and valid.elements == 1,
        f"stacks {stack} frames of {channels}: {list(source.shape)} into {list(output.shape)}",
    )
    ctx.emit(
        op,
        "signal_stacker",
        {"channels": channels, "left": left, "stack": stack, "step": step},
        {
            "input": ctx.value(op, source),
            "output": ctx.result(output),
            "valid": ctx.result(valid),
            "queue": ctx.state(f"{output.name}_queue", output.nbytes, "int16"),
            "queued": ctx.state(f"{output.name}_queued", 8, "int32"),
        },
    )


@lowers("SignalOverlapAdd", dtypes=("int16", "float32"))
def lower_overlap_add(ctx: Lowering, op: Operator) -> None:
    """Frames that overlap, added up to one signal: int16 (clamped) or float32."""
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, source, "int16", "float32")
    ctx.require_dtype(op, output, source.dtype)
    ctx.require(op, len(source.shape) >= 2 and source.elements > 0, f"has the input {list(source.shape)}")
    rows, (frames, size) = math.prod(source.shape[:-2]), source.shape[-2:]
    step = integer(ctx, op, custom_options(ctx, op), "frame_step", 1, size)
    ctx.require(
        op,
        output.shape == (*source.shape[:-2], frames * step),
        f"adds {list(source.shape)} up to {list(output.shape)} with steps of {step}",
    )
    state_bytes = rows * size * DTYPES[source.dtype].itemsize
    ctx.emit(
        op,
        f"signal_overlap_add_{'s16' if source.dtype == 'int16' else 'f32'}",
        {"rows": rows, "frames": frames, "frame_size": size, "frame_step": step},
        {
            "input": ctx.value(op, source),
            "output": ctx.result(output),
            "sums": ctx.state(f"{output.name}_sums", state_bytes, source.dtype),
        },
    )
