"""`StepGraph`: one step of a stateful network in real numbers, and what it gives over a sequence.

Layers with weights (dense, convolutions) take and give int8 when they are written; gates and states are int16, whose
256 times finer steps a slowly forgetting state needs: at a decay of 0.99, an int8 state would not move for anything
below half of 1/100 of its range. Where the two meet, a QUANTIZE is put in between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fieldwren.errors import BadInputError

Float = npt.NDArray[np.float32]
Dtype = Literal["int8", "int16"]


@dataclass(frozen=True)
class Value:
    """A tensor of every step, without batch. `index` is its place in the graph."""

    index: int
    shape: tuple[int, ...]
    dtype: Dtype


@dataclass(frozen=True)
class Node:
    """What computes a value: operator, the values it reads, constants, and parameters by name."""

    op: str
    inputs: tuple[int, ...]
    output: Value
    constants: tuple[Float, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass
class StepGraph:
    """Built value by value; every method gives the new value. States start at zero.

    >>> graph = StepGraph()
    >>> x = graph.input((4,))
    >>> memory = graph.state((4,))
    >>> graph.assign(memory, graph.add(graph.mul(memory, graph.constant(0.9)), graph.wide(x)))
    """

    nodes: list[Node] = field(default_factory=list)
    assignments: list[tuple[int, int]] = field(default_factory=list)  # (state, its value after the step)
    output: Value | None = None

    def _add(
        self,
        op: str,
        inputs: Sequence[Value],
        shape: Sequence[int],
        dtype: Dtype,
        constants: Sequence[npt.ArrayLike] = (),
        **parameters: Any,
    ) -> Value:
        value = Value(len(self.nodes), tuple(int(n) for n in shape), dtype)
        held = tuple(np.asarray(c, np.float32) for c in constants)
        self.nodes.append(Node(op, tuple(v.index for v in inputs), value, held, parameters))
        return value

    def input(self, shape: Sequence[int]) -> Value:
        """What each step brings; the first value of every graph."""
        if self.nodes:
            raise BadInputError("a step graph has one input, made first")
        return self._add("input", [], shape, "int8")

    def state(self, shape: Sequence[int], dtype: Dtype = "int16") -> Value:
        """What the step before assigned to it; zeros at first."""
        return self._add("state", [], shape, dtype)

    def assign(self, state: Value, value: Value) -> None:
        """`state` has `value` in the next step."""
        if state.shape != value.shape or state.dtype != value.dtype:
            raise BadInputError(f"a state of {state.dtype}{state.shape} cannot hold {value.dtype}{value.shape}")
        self.assignments.append((state.index, value.index))

    def constant(self, data: npt.ArrayLike, dtype: Dtype = "int16") -> Value:
        """The same in every step."""
        array = np.asarray(data, np.float32)
        return self._add("constant", [], array.shape, dtype, [array])

    def as_dtype(self, x: Value, dtype: Dtype) -> Value:
        """The same numbers in the other width."""
        return x if x.dtype == dtype else self._add("quantize", [x], x.shape, dtype)

    def wide(self, x: Value) -> Value:
        """The same numbers in int16."""
        return self.as_dtype(x, "int16")

    def dense(self, x: Value, kernel: npt.ArrayLike, bias: npt.ArrayLike | None = None, *, relu: bool = False) -> Value:
        """`kernel` [inputs, outputs] and `bias` [outputs] on x [inputs]."""
        weights = np.asarray(kernel, np.float32)
        offset = np.zeros(weights.shape[1]) if bias is None else bias
        return self._add("dense", [self.as_dtype(x, "int8")], (weights.shape[1],), "int8", [weights, offset], relu=relu)

    def conv(
        self, x: Value, kernel: npt.ArrayLike, bias: npt.ArrayLike, *, stride: int = 1, relu: bool = False
    ) -> Value:
        """`kernel` [rows, width, in, out] over x [rows, columns, in]: one row of output, `stride` across."""
        weights = np.asarray(kernel, np.float32)
        columns = (x.shape[1] - weights.shape[1]) // stride + 1
        return self._add(
            "conv", [self.as_dtype(x, "int8")], (1, columns, weights.shape[3]), "int8", [weights, bias],
            stride=stride, relu=relu,
        )  # fmt: skip

    def depthwise(self, x: Value, kernel: npt.ArrayLike, bias: npt.ArrayLike, *, relu: bool = False) -> Value:
        """`kernel` [rows, width, channels] over x [rows, columns, channels]: one row of output."""
        weights = np.asarray(kernel, np.float32)
        columns = x.shape[1] - weights.shape[1] + 1
        return self._add(
            "depthwise", [self.as_dtype(x, "int8")], (1, columns, weights.shape[2]), "int8", [weights, bias], relu=relu
        )

    def delayed(self, x: Value, rows: int) -> Value:
        """The newest `rows` rows of x [1, …], this step's last: [rows, …]. The older ones are a state."""
        if rows == 1:
            return x
        before = self.state((rows - 1, *x.shape[1:]), x.dtype)
        joined = self._add("concat", [before, x], (rows, *x.shape[1:]), x.dtype)
        self.assign(before, self._add("newest", [joined], before.shape, x.dtype))
        return joined

    def pad_columns(self, x: Value, left: int, right: int) -> Value:
        """Zeros beside x [rows, columns, channels]."""
        if left == right == 0:
            return x
        rows, columns, channels = x.shape
        return self._add("pad", [x], (rows, columns + left + right, channels), x.dtype, left=left, right=right)

    def reshape(self, x: Value, shape: Sequence[int]) -> Value:
        """The same elements in another shape."""
        return self._add("reshape", [x], shape, x.dtype)

    def _both(self, op: str, a: Value, b: Value) -> Value:
        shape = np.broadcast_shapes(a.shape, b.shape)
        return self._add(op, [self.wide(a), self.wide(b)], shape, "int16")

    def add(self, a: Value, b: Value) -> Value:
        """a + b in int16, shapes broadcast."""
        return self._both("add", a, b)

    def sub(self, a: Value, b: Value) -> Value:
        """a − b in int16, shapes broadcast."""
        return self._both("sub", a, b)

    def mul(self, a: Value, b: Value) -> Value:
        """a · b in int16, shapes broadcast."""
        return self._both("mul", a, b)

    def sigmoid(self, x: Value) -> Value:
        """1 / (1 + e^−x) in int16."""
        return self._add("sigmoid", [self.wide(x)], x.shape, "int16")

    def tanh(self, x: Value) -> Value:
        """Hyperbolic tangent in int16."""
        return self._add("tanh", [self.wide(x)], x.shape, "int16")

    def relu(self, x: Value) -> Value:
        """The larger of x and 0."""
        return self._add("relu", [x], x.shape, x.dtype)

    def sum_last(self, x: Value) -> Value:
        """Sum over the last axis in int16."""
        return self._add("sum", [self.wide(x)], x.shape[:-1], "int16")

    def softmax(self, x: Value) -> Value:
        """Probabilities of the last axis, int8 with the fixed scale 1/256."""
        return self._add("softmax", [self.as_dtype(x, "int8")], x.shape, "int8")

    def run(self, sequences: Float, seen: Callable[[Value, Float], None] | None = None) -> Float:
        """Outputs [n, steps, *output] in float for `sequences` [n, steps, *input]; `seen` gets every value of every step."""
        assert self.output is not None
        batch, steps = sequences.shape[:2]
        states = {
            state: np.zeros((batch, *self.nodes[state].output.shape), np.float32) for state, _ in self.assignments
        }
        made = []
        for step in range(steps):
            values: dict[int, Float] = {}
            for node in self.nodes:
                if node.op == "input":
                    value = sequences[:, step].reshape(batch, *node.output.shape)
                elif node.op == "state":
                    value = states[node.output.index]
                else:
                    value = _COMPUTE[node.op](node, [values[i] for i in node.inputs])
                values[node.output.index] = value
                if seen is not None:
                    seen(node.output, value)
            states = {state: values[value] for state, value in self.assignments}
            made.append(values[self.output.index])
        return np.stack(made, axis=1)


def _relu(node: Node, x: Float) -> Float:
    return np.maximum(x, np.float32(0)) if node.parameters.get("relu") else x


def _dense(node: Node, inputs: Sequence[Float]) -> Float:
    kernel, bias = node.constants
    return _relu(node, inputs[0].reshape(len(inputs[0]), -1) @ kernel + bias)


def _windows(x: Float, width: int, stride: int) -> Float:
    """[n, columns out, rows, width, channels] of x [n, rows, columns, channels]."""
    views = np.lib.stride_tricks.sliding_window_view(x, width, axis=2)[:, :, ::stride]
    return views.transpose(0, 2, 1, 4, 3)


def _conv(node: Node, inputs: Sequence[Float]) -> Float:
    kernel, bias = node.constants
    views = _windows(inputs[0], kernel.shape[1], node.parameters["stride"])
    flat = views.reshape(*views.shape[:2], -1)
    return _relu(node, (flat @ kernel.reshape(-1, kernel.shape[3]) + bias)[:, np.newaxis])


def _depthwise(node: Node, inputs: Sequence[Float]) -> Float:
    kernel, bias = node.constants
    made = np.einsum("ncrwk,rwk->nck", _windows(inputs[0], kernel.shape[1], 1), kernel) + bias
    return _relu(node, made[:, np.newaxis].astype(np.float32))


def _softmax(node: Node, inputs: Sequence[Float]) -> Float:
    shifted = np.exp(inputs[0] - inputs[0].max(axis=-1, keepdims=True))
    made: Float = shifted / shifted.sum(axis=-1, keepdims=True)
    return made


def _pad(node: Node, inputs: Sequence[Float]) -> Float:
    return np.pad(inputs[0], ((0, 0), (0, 0), (node.parameters["left"], node.parameters["right"]), (0, 0)))


_COMPUTE: dict[str, Callable[[Node, Sequence[Float]], Float]] = {
    "constant": lambda node, _: node.constants[0][np.newaxis],
    "quantize": lambda _, inputs: inputs[0],
    "dense": _dense,
    "conv": _conv,
    "depthwise": _depthwise,
    "concat": lambda _, inputs: np.concatenate(list(inputs), axis=1),
    "newest": lambda _, inputs: inputs[0][:, 1:],
    "pad": _pad,
    "reshape": lambda node, inputs: inputs[0].reshape(len(inputs[0]), *node.output.shape),
    "add": lambda _, inputs: inputs[0] + inputs[1],
    "sub": lambda _, inputs: inputs[0] - inputs[1],
    "mul": lambda _, inputs: inputs[0] * inputs[1],
    "sigmoid": lambda _, inputs: (1 / (1 + np.exp(-np.clip(inputs[0], -60, 60)))).astype(np.float32),
    "tanh": lambda _, inputs: np.tanh(inputs[0]),
    "relu": lambda _, inputs: np.maximum(inputs[0], np.float32(0)),
    "sum": lambda _, inputs: inputs[0].sum(axis=-1),
    "softmax": _softmax,
}
