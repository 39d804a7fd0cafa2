"""`fieldwren verify`: TensorFlow Lite Micro == fw_run on this machine == rendered C on the board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwren.boards import load_board
from fieldwren.errors import MissingToolError, UnsupportedError
from fieldwren.execute import execute, interpret, interpret_layers
from fieldwren.graph import DTYPES, Graph
from fieldwren.images import core_of
from fieldwren.ops.lowering import lower
from fieldwren.plan import Plan, plan
from fieldwren.program import Port
from fieldwren.tensors import Steps
from fieldwren.tflite import read_model

_NEAR_ZERO_SIGMAS = (4.0, 16.0, 40.0)
_ARENA_BYTES = 64 << 20
_STEPS, _STEPS_AT_LEAST = 6, 2
_MACS_IN_ALL = 200_000_000


@dataclass(frozen=True)
class Difference:
    """The first value that two executors disagree on. `index` counts elements of the tensor in row-major order."""

    expected_by: str
    got_by: str
    step: int
    operator: int
    layer: str
    tensor: str
    index: int
    expected: float
    got: float
    differing_values: int


@dataclass(frozen=True)
class VerifyResult:
    """`equal` over all `steps` and outputs, else `difference` names the first differing layer."""

    model: str
    board: str
    equal: bool
    steps: int
    executors: tuple[str, ...]
    difference: Difference | None = None


def random_inputs(ports: Sequence[Port], steps: int, seed: int = 0) -> Steps:
    """Inputs that exercise a quantised model: a third uniform over the dtype, the rest normal around the zero point.

    Uniform noise alone saturates many real models to one constant output.
    """
    generator = np.random.default_rng(seed)
    made = []
    for port in ports:
        rows = []
        for step in range(steps):
            uniform = step % 3 == 0
            sigma = _NEAR_ZERO_SIGMAS[step % len(_NEAR_ZERO_SIGMAS)]
            rows.append(_random(generator, port, uniform=uniform, sigma=sigma))
        made.append(np.stack(rows))
    return made


def _random(generator: np.random.Generator, port: Port, *, uniform: bool, sigma: float) -> NDArray[Any]:
    dtype = DTYPES[port.dtype]
    if dtype.kind == "f":
        values = generator.uniform(-1, 1, port.shape) if uniform else generator.normal(0, sigma / 4, port.shape)
        return values.astype(dtype)
    if dtype.kind == "b":
        return generator.integers(0, 2, port.shape).astype(dtype)
    info = np.iinfo(dtype)
    if uniform:
        return generator.integers(info.min, info.max, port.shape, dtype=dtype, endpoint=True)
    scaled = sigma * (info.max / 127 if dtype.itemsize == 2 else 1)
    return np.clip(np.rint(generator.normal(port.zero_point, scaled, port.shape)), info.min, info.max).astype(dtype)


class Reference:
    """TensorFlow Lite Micro's interpreter with its reference kernels, from the tflite-micro package."""

    def __init__(self, content: bytes, *, keep_layers: bool = False) -> None:
        try:
            from tflite_micro import runtime
        except ImportError as error:
            raise MissingToolError(
                "tflite-micro, the reference that verify compares with, is not installed: `pip install 'fieldwren[verify]'` (Linux)"
            ) from error
        config = runtime.InterpreterConfig
        self._interpreter = runtime.Interpreter.from_bytes(
            content,
            arena_size=_ARENA_BYTES,
            intrepreter_config=config.kPreserveAllTensors if keep_layers else config.kAllocationRecording,
        )

    def invoke(self, inputs: Sequence[NDArray[Any]], outputs: int) -> list[NDArray[Any]]:
        """One inference; the state is carried from call to call."""
        for index, value in enumerate(inputs):
            self._interpreter.set_input(value, index)
        self._interpreter.invoke()
        return [np.array(self._interpreter.get_output(index)) for index in range(outputs)]

    def tensor(self, index: int) -> NDArray[Any]:
        """Tensor `index` of the model after an inference (built with keep_layers)."""
        return np.array(self._interpreter.GetTensor(index, 0)["tensor_data"])


def verify(model: str | Path, board: str, *, steps: int | None = None, seed: int = 0) -> VerifyResult:
    """Runs random inputs through the three executors and compares every output value.

    `steps` defaults to six, fewer for models so large that the reference would take minutes.
    The state of a stateful model is carried over the steps. Raises MissingToolError without tflite-micro, and what
    lowering, building and emulating raise.
    """
    target = load_board(board)
    graph = read_model(model)
    content = Path(model).read_bytes()
    planned = plan(lower(graph, core_of(target)))
    ports = planned.program.inputs
    if steps is None:
        steps = max(_STEPS_AT_LEAST, min(_STEPS, _MACS_IN_ALL // max(1, planned.program.macs)))
    inputs = random_inputs(ports, steps, seed)
    executors = ("tflite-micro", "fw_run on host", f"rendered C on {target.id}")

    reference = _reference_steps(graph, content, planned, inputs)
    host = interpret(planned, inputs).outputs
    difference = None
    if not _same(reference, host):
        difference = _first_against_reference(content, planned, inputs, executors)
    else:
        run = execute(planned, target, inputs)
        if not _same(host, run.outputs):
            difference = _first_against_board(planned, board, inputs, executors)
    return VerifyResult(graph.name, target.id, difference is None, steps, executors, difference)


def _reference_steps(graph: Graph, content: bytes, planned: Plan, inputs: Steps) -> Steps:
    count = len(planned.program.outputs)
    try:
        reference = Reference(content)
        rows = [reference.invoke([array[k] for array in inputs], count) for k in range(len(inputs[0]))]
    except RuntimeError as error:
        raise UnsupportedError(
            f"{graph.name}: TensorFlow Lite Micro itself refuses this model, so there is nothing to compare with ({error})"
        ) from error
    return [np.stack([row[i] for row in rows]) for i in range(count)]


def _same(left: Steps, right: Steps) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(left, right, strict=True))


def _difference(
    planned: Plan, executors: tuple[str, str], step: int, call: int, expected: NDArray[Any], got: NDArray[Any]
) -> Difference:
    layer = planned.program.calls[call].layer
    differing = np.flatnonzero(expected != got)
    index = int(differing[0])
    return Difference(
        expected_by=executors[0],
        got_by=executors[1],
        step=step,
        operator=layer.operator,
        layer=layer.name,
        tensor=layer.output,
        index=index,
        expected=float(expected[index]),
        got=float(got[index]),
        differing_values=int(differing.size),
    )


def _first_against_reference(content: bytes, planned: Plan, inputs: Steps, executors: tuple[str, ...]) -> Difference:
    """Finds the first call whose output is not TFLM's tensor; calls inside a fused group have no tensor to compare."""
    reference = Reference(content, keep_layers=True)
    layers = interpret_layers(planned, inputs).layers
    for step in range(len(inputs[0])):
        outputs = reference.invoke([array[step] for array in inputs], len(planned.program.outputs))
        for number, call in enumerate(planned.program.calls):
            if call.layer.tensor < 0:
                continue
            expected = reference.tensor(call.layer.tensor).reshape(-1)
            got = np.frombuffer(layers[step][number], expected.dtype)
            if expected.size == got.size and expected.tobytes() != got.tobytes():
                return _difference(planned, executors[:2], step, number, expected, got)  # type: ignore[arg-type]  # a slice of two
        got_outputs = interpret(planned, [array[: step + 1] for array in inputs]).outputs
        for port, expected, got in zip(planned.program.outputs, outputs, got_outputs, strict=True):
            if expected.tobytes() != got[-1].tobytes():
                return _output_difference(port, executors[0], executors[1], step, expected, got[-1])
    raise RuntimeError("outputs differ, and no step shows it: the executors are not deterministic")


def _first_against_board(planned: Plan, board: str, inputs: Steps, executors: tuple[str, ...]) -> Difference:
    """Compares every kernel call of fw_run with the same call of the rendered C."""
    host = interpret_layers(planned, inputs)
    run = execute(planned, load_board(board), inputs, layers=True)
    for step, (expected_calls, got_calls) in enumerate(zip(host.layers, run.layers, strict=True)):
        for number, (expected, got) in enumerate(zip(expected_calls, got_calls, strict=True)):
            if expected != got:
                output = planned.program.calls[number].output
                assert output is not None  # a call without one has no bytes that could differ
                dtype = DTYPES[planned.program.buffers[output.buffer].dtype]
                return _difference(
                    planned,
                    (executors[1], executors[2]),
                    step,
                    number,
                    np.frombuffer(expected, dtype),
                    np.frombuffer(got, dtype),
                )
    for port, expected_steps, got_steps in zip(planned.program.outputs, host.outputs, run.outputs, strict=True):
        for step, (left, right) in enumerate(zip(expected_steps, got_steps, strict=True)):
            if left.tobytes() != right.tobytes():
                return _output_difference(port, executors[1], executors[2], step, left, right)
    raise RuntimeError("the board's outputs differed once and not again: the image is not deterministic")


def _output_difference(
    port: Port, expected_by: str, got_by: str, step: int, expected: NDArray[Any], got: NDArray[Any]
) -> Difference:
    expected, got = expected.reshape(-1), got.reshape(-1)
    differing = np.flatnonzero(expected != got)
    index = int(differing[0])
    return Difference(
        expected_by,
        got_by,
        step,
        -1,
        "output",
        port.name,
        index,
        float(expected[index]),
        float(got[index]),
        int(differing.size),
    )
