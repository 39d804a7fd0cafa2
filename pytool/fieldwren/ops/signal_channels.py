"""TensorFlow Lite Micro's signal operators on the channels of a filter bank."""

from __future__ import annotations

import numpy as np

from fieldwren.graph import Operator, Tensor
from fieldwren.ops.custom_options import custom_options, integer
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.registry import lowers

_GAIN_ENTRIES = 125
_INT32_MAX = (1 << 31) - 1


def _channels(ctx: Lowering, op: Operator, *tensors: Tensor) -> int:
    """The common length of vectors."""
    shapes = [list(tensor.shape) for tensor in tensors]
    ctx.require(op, len(shapes[0]) == 1 and all(shape == shapes[0] for shape in shapes), f"has the shapes {shapes}")
    return tensors[0].elements


@lowers("SignalFilterBank", dtypes=("uint32",))
def lower_filter_bank(ctx: Lowering, op: Operator) -> None:
    """Energies to channels; all tables must be constant."""
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, source, "uint32")
    ctx.require_dtype(op, output, "uint64")
    channels = integer(ctx, op, custom_options(ctx, op), "num_channels", 1, _INT32_MAX)
    names = ("weights", "unweights", "bin_starts", "weight_starts", "widths")
    tables = {}
    for number, name in enumerate(names):
        tensor = ctx.input(op, 1 + number)
        ctx.require_dtype(op, tensor, "int16")
        tables[name] = ctx.need_constant(op, tensor, f"the table of {name}").reshape(-1)
    weights = min(tables["weights"].size, tables["unweights"].size)
    sizes = [tables[name].size for name in names[2:]]
    ctx.require(
        op,
        len(source.shape) == len(output.shape) == 1 and output.elements == channels and min(sizes) > channels,
        f"has {channels} channels, tables of {sizes} entries and the output {list(output.shape)}",
    )
    starts, firsts, widths = (tables[name][: channels + 1].astype(np.int64) for name in names[2:])
    inside = (
        np.all(starts >= 0)
        and np.all(firsts >= 0)
        and np.all((widths <= 0) | (starts + widths <= source.elements))
        and np.all((widths <= 0) | (firsts + widths <= weights))
    )
    ctx.require(op, bool(inside), f"has channels outside its {source.elements} energies or {weights} weights")
    operands = {"input": ctx.value(op, source)}
    operands |= {name: ctx.const(table, f"filter_bank_{name}") for name, table in tables.items()}
    operands["output"] = ctx.result(output)
    ctx.emit(op, "signal_filter_bank", {"channels": channels}, operands)


@lowers("SignalFilterBankSquareRoot", dtypes=("uint64",))
def lower_square_root(ctx: Lowering, op: Operator) -> None:
    """Roots, shifted down by as many bits as the samples had been shifted up."""
    source, shift, output = ctx.input(op, 0), ctx.input(op, 1), ctx.output(op)
    ctx.require_dtype(op, source, "uint64")
    ctx.require_dtype(op, shift, "int32")
    ctx.require_dtype(op, output, "uint32")
    ctx.require(op, shift.elements == 1, f"has {shift.elements} shifts")
    ctx.emit(
        op,
        "signal_square_root",
        {"channels": _channels(ctx, op, source, output)},
        {"input": ctx.value(op, source), "shift": ctx.value(op, shift), "output": ctx.result(output)},
    )


@lowers("SignalFilterBankSpectralSubtraction", dtypes=("uint32",))
def lower_subtraction(ctx: Lowering, op: Operator) -> None:
    """Takes off an estimate of stationary noise, which is kept between inferences and is the second output."""
    source, output, noise = ctx.input(op, 0), ctx.output(op), ctx.output(op, 1)
    for tensor in (source, output, noise):
        ctx.require_dtype(op, tensor, "uint32")
    channels = _channels(ctx, op, source, output, noise)
    options = custom_options(ctx, op)
    ctx.require(op, options.get("num_channels") == channels, f"has num_channels {options.get('num_channels')!r}")
    parameters = {
        "even_smoothing": "smoothing",
        "even_keeping": "one_minus_smoothing",
        "odd_smoothing": "alternate_smoothing",
        "odd_keeping": "alternate_one_minus_smoothing",
        "least_signal": "min_signal_remaining",
    }
    ctx.emit(
        op,
        "signal_subtraction",
        {
            "channels": channels,
            "smoothing_bits": integer(ctx, op, options, "smoothing_bits", 0, 31),
            "subtraction_bits": integer(ctx, op, options, "spectral_subtraction_bits", 0, 63),
            "is_clamped": int(bool(options.get("clamping"))),
            **{name: integer(ctx, op, options, option, 0, _INT32_MAX) for name, option in parameters.items()},
        },
        {
            "input": ctx.value(op, source),
            "output": ctx.result(output),
            "noise": ctx.result(noise),
            "estimate": ctx.state(f"{output.name}_estimate", output.nbytes, "uint32"),
        },
    )


@lowers("SignalPCAN", dtypes=("uint32",))
def lower_pcan(ctx: Lowering, op: Operator) -> None:
    """Gain control by the noise estimate, with a constant table of parabolas."""
    source, noise, table, output = ctx.input(op, 0), ctx.input(op, 1), ctx.input(op, 2), ctx.output(op)
    for tensor in (source, noise, output):
        ctx.require_dtype(op, tensor, "uint32")
    ctx.require_dtype(op, table, "int16")
    gain = ctx.need_constant(op, table, "the gain table").reshape(-1)
    ctx.require(op, gain.size >= _GAIN_ENTRIES, f"has a gain table of {gain.size} entries; {_GAIN_ENTRIES} are needed")
    shift = integer(ctx, op, custom_options(ctx, op), "snr_shift", 0, 63)
    ctx.emit(
        op,
        "signal_pcan",
        {"channels": _channels(ctx, op, source, noise, output), "shift": shift},
        {
            "input": ctx.value(op, source),
            "noise": ctx.value(op, noise),
            "gain": ctx.const(gain, table.name),
            "output": ctx.result(output),
        },
        in_place=[("output", "input")],
    )


@lowers("SignalFilterBankLog", dtypes=("uint32",))
def lower_log(ctx: Lowering, op: Operator) -> None:
    """Natural logarithms times output_scale."""
    from fieldwren.features.tables.integer import logarithm

    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, source, "uint32")
    ctx.require_dtype(op, output, "int16")
    options = custom_options(ctx, op)
    ctx.emit(
        op,
        "signal_log",
        {
            "channels": _channels(ctx, op, source, output),
            "scale": integer(ctx, op, options, "output_scale", 0, _INT32_MAX),
            "correction_bits": integer(ctx, op, options, "input_correction_bits", 0, 31),
        },
        {
            "input": ctx.value(op, source),
            "table": ctx.const(logarithm(), "logarithm_table"),
            "output": ctx.result(output),
        },
    )
