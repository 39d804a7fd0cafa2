"""Instructions of a kernel call before anything is compiled, from a table of measured costs per core.

`boards/costs/<cpu>.json` is written by `tools/measure_costs.py`, which runs every kernel over a grid of shapes in the
emulator and fits instructions = sum of coefficient * term with no negative coefficient. The terms follow from the
parameters of a call alone, by the names that kernels give their parameters: a new kernel needs no entry here.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fieldwren import paths
from fieldwren.core import Core

if TYPE_CHECKING:
    from fieldwren.program import KernelCall

Parameters = Mapping[str, int | float]

_GENERAL, _SIGNED = 0, 1
"""FW_REQUANTISE_… of firmware/kernels/requantise.h."""
_UNROLLED = 5
"""Iterations up to which the kernels ask the compiler to unroll."""


@dataclass(frozen=True)
class KernelCost:
    """Coefficient of each term; `error` is the largest relative deviation of the fit from what was measured."""

    terms: Mapping[str, float]
    error: float

    def instructions(self, call: KernelCall) -> int | None:
        """What `call` is predicted to take; None when the table was made for other terms."""
        made = terms(parameters(call))
        if not made.keys() >= self.terms.keys():
            return None
        return round(sum(coefficient * made[name] for name, coefficient in self.terms.items()))


@functools.cache
def cost_table(cpu: str) -> Mapping[str, KernelCost]:
    """The measured kernels of a core by name; empty when it was never measured."""
    path = paths.boards() / "costs" / f"{cpu}.json"
    if not path.is_file():
        return {}
    content = json.loads(path.read_text(encoding="utf-8"))
    return {name: KernelCost(entry["terms"], entry["error"]) for name, entry in content["kernels"].items()}


def adapters_predicted(core: Core, channels: int, features: int, positions: int) -> int | None:
    """Instructions of folding adapters into the layer's tables and of making a row of the embedding, for each inference.

    From `boards/costs/adapters/<cpu>.json` (`tools/measure_adapters.py`); None for a core that was never measured.
    """
    for name in (core.name, _like(core)):
        path = paths.boards() / "costs" / "adapters" / f"{name}.json"
        if path.is_file():
            cost: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
            return round(cost["channel"] * channels + cost["feature"] * features + cost["pixel"] * positions * channels)
    return None


def predicted(core: Core, call: KernelCall) -> int | None:
    """Instructions of `call` on a core, None where its kernel was never measured there.

    A core that was never measured is taken for the one below that has the same kernels: their order is much the same.
    """
    table = cost_table(core.name) or cost_table(_like(core))
    cost = table.get(call.kernel.name)
    return None if cost is None else cost.instructions(call)


def _like(core: Core) -> str:
    if core.mve:
        return "cortex-m55"
    return "cortex-m4" if core.dsp else "cortex-m0" if core.packed else "cortex-m3"


def parameters(call: KernelCall) -> Parameters:
    """The parameters of a call by name."""
    return {spec.name: value for spec, value in zip(call.kernel.parameters, call.parameters, strict=True)}


def _blocks(size: float, block: int) -> float:
    return -(-size // block)


def terms(p: Parameters) -> Mapping[str, float]:
    """What the cost of a convolution, depthwise convolution or fully connected layer is made of.

    Kernels work in blocks of so many pixels × channels × depth; what does not fill a block costs as if it did.
    """
    get: Callable[[str, int], int | float] = p.get
    is_depthwise = "channels" in p or "channel_multiplier" in p
    batches = get("batches", 1)
    sides = (get("output_height", 1), get("output_width", 1))
    pixels = p["pixels"] if "pixels" in p else batches * sides[0] * sides[1]
    taps = 9 if is_depthwise and "kernel_height" not in p else get("kernel_height", 1) * get("kernel_width", 1)
    inputs = next((p[name] for name in ("channels", "input_channels", "input_size") if name in p), 1)
    if is_depthwise:
        channels, depth = inputs * get("channel_multiplier", 1), taps
    else:
        channels = next((p[name] for name in ("output_channels", "output_size") if name in p), 1)
        depth = taps * inputs / get("groups", 1)
    outputs, image = pixels * channels, get("input_height", 1) * get("input_width", 1)
    grouped = get("grouped_outputs", int(channels))
    columns = (sides[1] - 1) * get("stride_width", 1) + (get("kernel_width", 1) - 1) * get("dilation_width", 1) + 1
    taps_high = get("kernel_height", 3)
    band_rows = (get("kernel_height", 1) - 1) * get("dilation_height", 1) + 1 + get("stride_height", 1)
    kind = get("requantisation", _GENERAL)
    is_clamped = p.get("output_max", 127) - p.get("output_min", -128) != 255
    made: dict[str, float] = {
        "call": 1,
        "pixels": pixels,
        "outputs": outputs,
        "outputs_signed": outputs * (kind == _SIGNED),
        "outputs_general": outputs * (kind == _GENERAL),
        "outputs_clamped": outputs * is_clamped,
        "outputs_long": outputs * (not get("is_short", 1)),
        "macs_long": outputs * depth * (not get("is_short", 1)),
        "macs": outputs * depth,
        "input": batches * get("pixels", int(image)) * inputs,
    }
    if is_depthwise:
        made |= {
            "channels": batches * channels,
            "channel_taps": batches * channels * taps,
            "channel_rows": batches * channels * sides[0],
            "channel_row_taps": batches * channels * sides[0] * get("kernel_height", 3),
            "pairs": batches * channels * sides[0] * _blocks(sides[1], 2),
            "pair_taps": batches * channels * sides[0] * _blocks(sides[1], 2) * taps,
            # Loops over more taps than this stay loops.
            "macs_rolled": outputs * taps * (max(taps_high, get("kernel_width", 3)) > _UNROLLED),
            "macs_rolled_twice": outputs * taps * (min(taps_high, get("kernel_width", 3)) > _UNROLLED),
            "row_pairs": batches * channels * _blocks(sides[0], 2) * sides[1],
            "row_pair_taps": batches * channels * _blocks(sides[0], 2) * sides[1] * taps,
            "plane": batches * channels * columns * (_blocks(sides[0], 2) * get("stride_height", 1) + taps_high),
            "plane_rows": batches * channels * (_blocks(sides[0], 2) * get("stride_height", 1) + taps_high),
            **_blocked("quads", pixels, channels, 4, taps),
            **_blocked("vectors", pixels, channels, 16, taps),
            "rest": pixels * (channels % 4),
            "rest_taps": pixels * (channels % 4) * taps,
        }
    else:
        made |= {
            "pixels_depth": pixels * depth,
            "pixels_taps": pixels * taps,
            "triples": _blocks(pixels, 3),
            "triples_depth": _blocks(pixels, 3) * _blocks(depth, 4),
            "triples_taps": _blocks(pixels, 3) * taps,
            "triples_channels": _blocks(pixels, 3) * _blocks(channels, 2),
            "triples_macs": _blocks(pixels, 3) * _blocks(channels, 2) * _blocks(depth, 4),
            "pairs_channels": _blocks(pixels, 2) * _blocks(channels, 4),
            "pairs_macs": _blocks(pixels, 2) * _blocks(channels, 4) * depth,
            "rest": pixels * (channels % 4),
            "rest_macs": pixels * (channels % 4) * depth,
            "groups": pixels * _blocks(grouped, 4),
            "groups_plain": pixels * _blocks(grouped, 4) * _blocks(depth, 4) * (not get("is_widened", 1)),
            "groups_widened": pixels * _blocks(grouped, 4) * _blocks(depth, 8) * get("is_widened", 0),
            "widened": pixels * _blocks(depth, 4) * get("is_widened", 0),
            "groups_own": pixels * _blocks(grouped, 4) * get("is_per_channel", 0),
            "alone": pixels * (channels - grouped),
            "alone_macs": pixels * (channels - grouped) * (depth // 4),
            "alone_tail": pixels * (channels - grouped) * (depth % 4),
            "alone_own": pixels * (channels - grouped) * get("is_per_channel", 0),
            "batches": batches * (get("grouped_outputs", 0) > 0),
            "channels_vectors": pixels * channels * _blocks(depth, 16),
            "quads_vectors": pixels * _blocks(channels, 4) * _blocks(depth, 16),
        }
    if "kernel_height" in p:
        has_band = get("has_band", 1)
        made |= {
            "band": has_band * batches * sides[0] * band_rows * columns * inputs,
            "band_rows": has_band * batches * sides[0] * band_rows,
        }
    return made


def _blocked(name: str, pixels: float, channels: float, block: int, taps: float) -> dict[str, float]:
    return {name: pixels * _blocks(channels, block), f"{name}_taps": pixels * _blocks(channels, block) * taps}
