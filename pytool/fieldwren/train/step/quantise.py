"""A `StepGraph` as a full-integer .tflite: ranges from real sequences, then one operator after the other.

int8 values have any zero point, int16 values none; weights are symmetric, one scale for a dense layer (as
`train.quantise` writes them) and one for each output channel of a convolution. Values that must share a scale,
because an operator between them only moves elements or because one is the other a step later, share their range.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fieldwren.errors import BadInputError
from fieldwren.train.step.graph import Float, Node, StepGraph, Value
from fieldwren.train.step.writer import Constant, Quantisation, Tensor, Writer

_MOVES = ("reshape", "concat", "newest", "pad")
"""Operators whose output has the scale of their inputs."""

_FIXED = {
    ("sigmoid", "int16"): Quantisation(1 / 32768, 0),
    ("tanh", "int16"): Quantisation(1 / 32768, 0),
    ("softmax", "int8"): Quantisation(1 / 256, -128),
}
"""What the reference kernels demand of an output."""


def to_int8(graph: StepGraph, sequences: Float) -> bytes:
    """`graph` with the ranges that `sequences` [n, steps, *input] give; states are zero after a reset (CALL_ONCE).

    Raises BadInputError for sequences that do not fit the graph, or are none.
    """
    if graph.output is None:
        raise BadInputError("the step graph has no output")
    shape = graph.nodes[0].output.shape
    if len(sequences) == 0 or int(np.prod(sequences.shape[2:])) != int(np.prod(shape)):
        raise BadInputError(f"calibration data have shape {sequences.shape}, a step wants {shape}")
    return _Emitter(graph, _quantisations(graph, sequences)).content()


def _groups(graph: StepGraph) -> list[int]:
    """For every value the first one of those that share its scale."""
    root = list(range(len(graph.nodes)))

    def find(index: int) -> int:
        while root[index] != index:
            index = root[index]
        return index

    def unite(a: int, b: int) -> None:
        first, second = sorted((find(a), find(b)))
        root[second] = first

    for node in graph.nodes:
        if node.op in _MOVES:
            for source in node.inputs:
                unite(node.output.index, source)
    for state, value in graph.assignments:
        unite(state, value)
    return [find(index) for index in range(len(graph.nodes))]


def _quantisations(graph: StepGraph, sequences: Float) -> list[Quantisation]:
    groups = _groups(graph)
    low, high = np.zeros(len(groups)), np.zeros(len(groups))  # zero is in every range: paddings and states need it

    def seen(value: Value, data: Float) -> None:
        group = groups[value.index]
        low[group] = min(low[group], float(data.min()))
        high[group] = max(high[group], float(data.max()))

    graph.run(sequences, seen)
    fixed = {
        groups[n.output.index]: _FIXED[n.op, n.output.dtype]
        for n in graph.nodes
        if n.op in ("sigmoid", "tanh", "softmax")
    }
    return [
        fixed.get(group) or _of_range(low[group], high[group], node.output.dtype)
        for node, group in zip(graph.nodes, groups, strict=True)
    ]


def _of_range(low: float, high: float, dtype: str) -> Quantisation:
    if dtype == "int16":
        return Quantisation(max(-low, high, 1e-6) / 32767, 0)
    scale = max(high - low, 1e-6) / 255
    return Quantisation(scale, int(np.clip(round(-128 - low / scale), -128, 127)))


class _Emitter:
    """One pass over the nodes."""

    def __init__(self, graph: StepGraph, quantisations: list[Quantisation]) -> None:
        self._graph = graph
        self._quantisations = quantisations
        self._writer = Writer()
        self._tensors: list[Tensor] = []
        self._handles: dict[int, Tensor] = {}

    def content(self) -> bytes:
        """The finished file."""
        writer, graph = self._writer, self._graph
        assert graph.output is not None
        if graph.assignments:
            writer.add("CALL_ONCE", [], [], {"initSubgraphIndex": 1})
        for node in graph.nodes:
            self._tensors.append(self._emit(node))
        for state, value in graph.assignments:
            writer.add("ASSIGN_VARIABLE", [self._handles[state], self._tensors[value]], [])
        for state, _ in graph.assignments:
            start = self._tensors[state]
            assert start.quantisation is not None
            zeros = np.full(start.shape, start.quantisation.zero_point, start.dtype)
            handle = writer.handle(f"state_{state}", initial=True)
            writer.add("ASSIGN_VARIABLE", [handle, Constant(zeros, start.quantisation)], [], initial=True)
        return writer.content([self._tensors[0]], [self._tensors[graph.output.index]])

    def _tensor(self, node: Node) -> Tensor:
        value = node.output
        return Tensor(f"{node.op}_{value.index}", (1, *value.shape), value.dtype, self._quantisations[value.index])

    def _emit(self, node: Node) -> Tensor:
        made = self._tensor(node)
        inputs: list[Tensor | Constant] = [self._tensors[i] for i in node.inputs]
        add = self._writer.add
        relu = {"fusedActivationFunction": 1 if node.parameters.get("relu") else 0}
        match node.op:
            case "input":
                return Tensor("features", made.shape, made.dtype, made.quantisation)
            case "state":
                self._handles[node.output.index] = self._writer.handle(f"state_{node.output.index}")
                add("READ_VARIABLE", [self._handles[node.output.index]], [made])
            case "constant":
                quantisation = self._quantisations[node.output.index]
                add_constant = np.round(node.constants[0] / quantisation.scale) + quantisation.zero_point
                return self._writer.constant(
                    made.name, _clipped(add_constant, node.output.dtype)[np.newaxis], quantisation
                )
            case "dense":
                weights, bias = self._weights(node, node.constants[0].T, per_channel=False)
                add("FULLY_CONNECTED", [*inputs, weights, bias], [made], relu)
            case "conv":
                weights, bias = self._weights(node, node.constants[0].transpose(3, 0, 1, 2), per_channel=True)
                add("CONV_2D", [*inputs, weights, bias], [made], {**relu, **_steps(node.parameters["stride"])})
            case "depthwise":
                weights, bias = self._weights(node, node.constants[0][np.newaxis], per_channel=True, axis=3)
                add("DEPTHWISE_CONV_2D", [*inputs, weights, bias], [made], {**relu, **_steps(1), "depthMultiplier": 1})
            case "concat":
                add("CONCATENATION", inputs, [made], {"axis": 1})
            case "newest":
                begin = np.array([0, 1] + [0] * (len(made.shape) - 2), np.int32)
                add("SLICE", [*inputs, Constant(begin), Constant(np.array(made.shape, np.int32))], [made])
            case "pad":
                beside = [[0, 0], [0, 0], [node.parameters["left"], node.parameters["right"]], [0, 0]]
                add("PAD", [*inputs, Constant(np.array(beside, np.int32))], [made])
            case "reshape":
                add(
                    "RESHAPE",
                    [*inputs, Constant(np.array(made.shape, np.int32))],
                    [made],
                    {"newShape": list(made.shape)},
                )
            case "sum":
                last = np.array([len(made.shape)], np.int32)
                add("SUM", [*inputs, Constant(last)], [made], {"keepDims": False})
            case "softmax":
                add("SOFTMAX", inputs, [made], {"beta": 1.0})
            case _:
                add(_OPERATORS[node.op], inputs, [made])
        return made

    def _weights(self, node: Node, kernel: Float, *, per_channel: bool, axis: int = 0) -> tuple[Constant, Constant]:
        """int8 weights with the output channel at `axis`, and the int32 bias in the scale of the products."""
        others = tuple(i for i in range(kernel.ndim) if i != axis)
        largest = np.abs(kernel).max(axis=others) if per_channel else np.abs(kernel).max(keepdims=True).ravel()
        scales = np.maximum(largest, 1e-9).astype(np.float64) / 127
        shape = [1] * kernel.ndim
        shape[axis] = -1
        rounded = _clipped(np.round(kernel / scales.reshape(shape)), "int8", lowest=-127)
        products = scales * self._quantisations[node.inputs[0]].scale
        bias = np.round(node.constants[1].astype(np.float64) / products)
        limits = np.iinfo(np.int32)
        return (
            Constant(rounded, Quantisation(tuple(scales.tolist()), 0, axis)),
            Constant(
                np.clip(bias, limits.min, limits.max).astype(np.int32), Quantisation(tuple(products.tolist()), 0, 0)
            ),
        )


_OPERATORS = {
    "quantize": "QUANTIZE",
    "relu": "RELU",
    "add": "ADD",
    "sub": "SUB",
    "mul": "MUL",
    "sigmoid": "LOGISTIC",
    "tanh": "TANH",
}


def _steps(across: int) -> dict[str, Any]:
    return {"padding": 1, "strideH": 1, "strideW": across, "dilationHFactor": 1, "dilationWFactor": 1}


def _clipped(values: npt.NDArray[Any], dtype: str, lowest: int | None = None) -> npt.NDArray[Any]:
    limits = np.iinfo(dtype)
    made: npt.NDArray[Any] = np.clip(values, limits.min if lowest is None else lowest, limits.max).astype(dtype)
    return made
