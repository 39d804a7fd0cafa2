"""Writes boards/costs/<cpu>.json: what each kernel variant costs, for the planner's choice between them.

    python tools/measure_costs.py [BOARD…]      default: one board for each core

Every registered variant (fieldwren.ops.variants) runs in the emulator over the grid of shapes below, and instructions =
sum of coefficient * term (fieldwren.costs.terms) is fitted per kernel, by relative error, without negative
coefficients. New variants need nothing but to be registered.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from fieldwren import paths
from fieldwren.bench import layer_instructions
from fieldwren.boards import Board
from fieldwren.boards.counting import COUNTED, counting_board
from fieldwren.costs import parameters, terms
from fieldwren.graph import Graph, Operator, Quantisation, Subgraph, Tensor
from fieldwren.images import core_of
from fieldwren.ops.lowering import lower
from fieldwren.ops.registry import lowerings
from fieldwren.ops.variants import FAMILIES, variants
from fieldwren.plan import plan

ACTIVATIONS = ("RELU", "NONE", "RELU6")
# (height, width, channels), output channels, (kernel), stride, padding
CONVOLUTIONS = [
    ((49, 10, 1), 64, (10, 4), 2, "SAME"),
    ((25, 5, 64), 64, (1, 1), 1, "SAME"),
    ((48, 48, 8), 16, (1, 1), 1, "SAME"),
    ((24, 24, 16), 32, (1, 1), 1, "SAME"),
    ((12, 12, 32), 64, (1, 1), 1, "SAME"),
    ((6, 6, 64), 128, (1, 1), 1, "SAME"),
    ((3, 3, 128), 256, (1, 1), 1, "SAME"),
    ((4, 4, 12), 7, (1, 1), 1, "SAME"),
    ((7, 1, 40), 20, (1, 1), 1, "SAME"),
    ((3, 1, 8), 4, (1, 1), 1, "SAME"),
    ((8, 8, 16), 32, (1, 1), 2, "SAME"),
    ((5, 5, 3), 10, (1, 1), 1, "SAME"),
    ((24, 24, 3), 8, (3, 3), 2, "SAME"),
    ((32, 32, 3), 16, (3, 3), 1, "SAME"),
    ((16, 16, 16), 16, (3, 3), 1, "SAME"),
    ((16, 16, 16), 32, (3, 3), 2, "SAME"),
    ((8, 8, 32), 32, (3, 3), 1, "SAME"),
    ((8, 8, 64), 24, (3, 3), 1, "VALID"),
    ((12, 12, 6), 9, (5, 5), 1, "SAME"),
    ((20, 1, 24), 16, (3, 1), 1, "SAME"),
    ((1, 60, 10), 12, (1, 5), 2, "VALID"),
    ((10, 9, 2), 3, (3, 2), 1, "VALID"),
    ((4, 3, 16), 8, (4, 3), 1, "VALID"),
    ((1, 1, 256), 2, (1, 1), 1, "SAME"),
    ((1, 1, 64), 96, (1, 1), 1, "SAME"),
    ((1, 1, 17), 5, (1, 1), 1, "SAME"),
]
DEPTHWISE = [
    ((25, 5, 64), (3, 3), 1, "SAME"),
    ((48, 48, 8), (3, 3), 1, "SAME"),
    ((48, 48, 16), (3, 3), 2, "SAME"),
    ((24, 24, 32), (3, 3), 1, "SAME"),
    ((12, 12, 64), (3, 3), 2, "SAME"),
    ((6, 6, 128), (3, 3), 1, "SAME"),
    ((3, 3, 256), (3, 3), 1, "SAME"),
    ((2, 2, 12), (3, 3), 1, "SAME"),
    ((5, 4, 7), (3, 3), 1, "VALID"),
    ((30, 1, 40), (9, 1), 1, "VALID"),
    ((24, 1, 32), (5, 1), 1, "SAME"),
    ((5, 1, 66), (5, 1), 1, "VALID"),
    ((40, 1, 16), (3, 1), 2, "SAME"),
    ((1, 50, 12), (1, 7), 1, "SAME"),
    ((14, 14, 24), (5, 5), 1, "SAME"),
    ((14, 14, 18), (5, 5), 2, "SAME"),
    ((25, 5, 64), (25, 5), 1, "VALID"),
    ((9, 9, 10), (7, 7), 1, "SAME"),
    ((10, 10, 8), (2, 2), 2, "VALID"),
    ((12, 6, 20), (4, 3), 1, "SAME"),
]
# inputs, outputs, one scale for all outputs
FULLY_CONNECTED = [
    (640, 128, True), (128, 128, True), (128, 8, True), (8, 128, True), (64, 12, True), (64, 12, False), (256, 2, True),
    (1, 16, True), (16, 16, True), (16, 1, True), (4, 4, True), (12, 3, True), (20, 6, False), (37, 14, True),
    (100, 5, False), (392, 32, True), (52, 40, False), (7, 3, True), (1000, 10, True), (24, 24, True), (90, 9, True),
    (256, 64, False), (33, 1, True), (48, 4, True),
]  # fmt: skip
PROBE_BYTES = 128 * 1024
"""Activations of one image; the smallest board has half a megabyte."""


@dataclass(frozen=True)
class Probe:
    """One layer: the operator, its input, weights, bias and output."""

    name: str
    tensors: tuple[Tensor, Tensor, Tensor, Tensor]
    options: dict[str, object]


def _tensor(shape: Sequence[int], dtype: str, scale: float | NDArray[np.float64], zero: int, axis: int = 0) -> Tensor:
    scales = np.atleast_1d(np.asarray(scale, np.float32))
    return Tensor(0, "", tuple(shape), dtype, Quantisation(scales, np.full(scales.size, zero, np.int64), axis))


def probe_of(
    generator: np.random.Generator,
    name: str,
    source: tuple[int, ...],
    weights: tuple[int, ...],
    output: tuple[int, ...],
    *,
    number: int,
    channels: int,
    one_scale: bool = False,
    options: Mapping[str, object] | None = None,
) -> Probe:
    """One layer with random weights, whose scales suit every kernel."""
    activation = ACTIVATIONS[number % len(ACTIVATIONS)]
    axis = 3 if name == "DEPTHWISE_CONV_2D" else 0
    # Scales of which the DSP kernels' short requantisation is exact.
    scales = np.full(1, 0.005) if one_scale else generator.uniform(0.004, 0.01, channels)
    depth = int(np.prod(weights)) / channels
    fitting = 0.02 * 0.007 * 75 * depth**0.5 / 40
    y = _tensor(
        output,
        "int8",
        min(fitting, 0.04) if activation == "RELU6" else fitting,
        -5 if activation == "NONE" else -128,
    )
    w = replace(_tensor(weights, "int8", scales, 0, axis), data=generator.integers(-127, 128, weights).astype(np.int8))
    b = replace(
        _tensor((channels,), "int32", scales * 0.02, 0),
        data=generator.integers(-500, 501, channels).astype(np.int32),
    )
    return Probe(
        name, (_tensor(source, "int8", 0.02, -3), w, b, y), {**(options or {}), "fused_activation_function": activation}
    )


def _sides(size: tuple[int, ...], kernel: tuple[int, int], stride: int, padding: str) -> tuple[int, ...]:
    reach = (0, 0) if padding == "SAME" else (kernel[0] - 1, kernel[1] - 1)
    return tuple(-(-(size[i] - reach[i]) // stride) for i in (0, 1))


def probes() -> Iterator[Probe]:
    """The grid."""
    generator = np.random.default_rng(0)
    for number, (size, channels, kernel, stride, padding) in enumerate(CONVOLUTIONS):
        options = {"stride_h": stride, "stride_w": stride, "padding": ("SAME", "VALID").index(padding)}
        output = (1, *_sides(size, kernel, stride, padding), channels)
        weights = (channels, *kernel, size[2])
        yield probe_of(
            generator, "CONV_2D", (1, *size), weights, output, number=number, channels=channels, options=options
        )
    for number, (size, kernel, stride, padding) in enumerate(DEPTHWISE):
        options = {"stride_h": stride, "stride_w": stride, "padding": ("SAME", "VALID").index(padding)}
        output = (1, *_sides(size, kernel, stride, padding), size[2])
        yield probe_of(
            generator,
            "DEPTHWISE_CONV_2D",
            (1, *size),
            (1, *kernel, size[2]),
            output,
            number=number,
            channels=size[2],
            options={**options, "depth_multiplier": 1},
        )
    for number, (width, channels, one_scale) in enumerate(FULLY_CONNECTED):
        yield probe_of(
            generator,
            "FULLY_CONNECTED",
            (1, width),
            (channels, width),
            (1, channels),
            number=number,
            channels=channels,
            one_scale=one_scale,
        )


def graph_of(layers: Sequence[Probe]) -> Graph:
    """Every layer with an input and an output of its own."""
    tensors: list[Tensor] = []
    operators = []
    for number, probe in enumerate(layers):
        first = len(tensors)
        tensors += [replace(t, index=first + i, name=f"l{number}_{i}") for i, t in enumerate(probe.tensors)]
        operators.append(Operator(number, probe.name, 1, (first, first + 1, first + 2), (first + 3,), probe.options))
    inputs, outputs = tuple(range(0, len(tensors), 4)), tuple(range(3, len(tensors), 4))
    main = Subgraph("main", tuple(tensors), tuple(operators), inputs, outputs)
    return Graph("probes", "00" * 32, (main,), {}, "", 0)


def _images(layers: Sequence[Probe]) -> Iterator[list[Probe]]:
    """The layers in portions that fit the smallest board."""
    portion: list[Probe] = []
    nbytes = 0
    for probe in layers:
        needs = probe.tensors[0].nbytes + probe.tensors[3].nbytes
        if portion and nbytes + needs > PROBE_BYTES:
            yield portion
            portion, nbytes = [], 0
        portion.append(probe)
        nbytes += needs
    if portion:
        yield portion


Rows = defaultdict[str, list[tuple[dict[str, float], int]]]


def measure(board: Board, name: str, rows: Rows) -> None:
    """Adds (terms, instructions) of every layer that the variant `name` takes, by kernel."""
    core = core_of(board)
    takes = [
        probe
        for probe in probes()
        if any(a.name == name for a in lower(graph_of([probe]), core, only=name).calls[-1].alternatives[:1])
    ]
    for portion in _images(takes):
        planned = plan(lower(graph_of(portion), core, only=name))
        counts = layer_instructions(planned, board)
        for call, count in zip(planned.program.calls, counts, strict=True):
            rows[call.kernel.name].append((dict(terms(parameters(call))), count))


def fit(rows: list[tuple[dict[str, float], int]]) -> dict[str, object]:
    """Coefficients without those that are zero, and the largest relative error."""
    names = list(rows[0][0])
    matrix = np.array([[row[name] for name in names] for row, _ in rows], float)
    counts = np.array([count for _, count in rows], float)
    scaled = matrix / counts[:, None]
    size = np.abs(scaled).max(axis=0)
    size[size == 0] = 1.0
    coefficients, _ = nnls(scaled / size, np.ones(len(rows)))
    coefficients /= size
    kept = {name: float(f"{c:.4g}") for name, c in zip(names, coefficients, strict=True) if c > 0}
    predicted = matrix @ np.array([kept.get(name, 0.0) for name in names])
    return {"terms": kept, "error": round(float(np.abs(predicted / counts - 1).max()), 3), "shapes": len(rows)}


def main(boards: Sequence[str]) -> None:
    """Measures every variant on each board's core and writes the core's table."""
    lowerings()
    folder = paths.boards() / "costs"
    folder.mkdir(exist_ok=True)
    for board_id in boards or COUNTED:
        board = counting_board(board_id)
        core = core_of(board)
        rows: Rows = defaultdict(list)
        names = dict.fromkeys(v.name for family in FAMILIES for v in variants(family) if core.has(v.needs))
        for name in names:
            measure(board, name, rows)
        kernels = {kernel: fit(found) for kernel, found in sorted(rows.items())}
        for kernel, made in kernels.items():
            print(f"{board.core.cpu} {kernel}: {made['shapes']} shapes, off by at most {made['error']:.1%}")
        content = {"measured_on": board.id, "unit": "instructions", "kernels": kernels}
        path = folder / f"{board.core.cpu}.json"
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
