"""The state of one lowering: the Program under construction, and what operator modules may do to it."""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Callable, Mapping, MutableMapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from fieldwren.core import PORTABLE, Core, Optimise
from fieldwren.errors import BadInputError, UnsupportedError
from fieldwren.graph import DTYPES, Graph, Operator, Subgraph, Tensor
from fieldwren.kernel import OperandSpec, kernels
from fieldwren.ops.choice import Trial, alternative, best
from fieldwren.ops.registry import INTERNAL, folders, lowerings
from fieldwren.program import SKIP, Buffer, KernelCall, Layer, Operand, Place, Port, Program

_INT32_MIN, _INT32_MAX = -(1 << 31), (1 << 31) - 1


def _alignment(dtype: str) -> int:
    """Bytes at whose multiples a buffer of `dtype` starts."""
    return max(4, DTYPES[dtype].itemsize)


_ADVICE = {
    "float32": ": convert the model to full int8 (fieldwren convert)",
    "uint8": ": convert the model again, to int8",
}
"""What to do about a model of another type, where the operator has int8."""

ADAPTED = "fieldwren_adapted"
"""Option of an operator whose bias, multipliers and shifts change while the device runs (fieldwren.learn.adapters)."""

_SMALL_BYTES = 1024
"""Constant results up to this size are always computed while lowering."""


def is_adapted(op: Operator) -> bool:
    """Whether `op` carries ADAPTED: only portable kernels with general requantisation take its tables."""
    return bool(op.options.get(ADAPTED, False))


def _last_uses(subgraph: Subgraph) -> dict[int, int]:
    """Index of the last operator that reads each tensor; one more than the last operator for the subgraph's outputs."""
    uses = {index: op.index for op in subgraph.operators for index in op.inputs}
    return uses | dict.fromkeys(subgraph.outputs, len(subgraph.operators))


@dataclass(frozen=True)
class Variable:
    """A resource variable: its memory, and the type and size that every access must have."""

    state: Operand
    dtype: str
    nbytes: int


class Lowering:
    """Builds a Program from one Graph. Operator modules get it as their first argument."""

    def __init__(self, graph: Graph, core: Core, optimise: Optimise = "balanced", only: str | None = None) -> None:
        self.graph = graph
        self.core = core
        self.optimise: Optimise = optimise
        self.only = only
        """The variant to take wherever it applies, for measuring and testing it."""
        self.subgraph: Subgraph = graph.main
        self.variables: dict[tuple[str, str], Variable] = {}
        """Resource variables by container and shared name."""
        self.handles: dict[int, tuple[str, str]] = {}
        """The variable that a tensor of type resource stands for."""
        self._buffers: list[Buffer] = []
        self._calls: list[KernelCall] = []
        self._values: MutableMapping[int, Operand] = {}
        self._placed: dict[int, Operand] = {}
        self._constants: dict[int, NDArray[Any]] = {}
        self._const_cache: MutableMapping[tuple[str, bytes], int] = {}
        self._operators: Counter[str] = Counter()
        lowerings()  # plug-ins bring kernels
        self._kernels = kernels()
        self._last_use: dict[int, int] = {}
        self._skips: list[int] = []
        self._used: set[str] = set()
        self._counted = 0

    # What operator modules ask.

    def tensor(self, index: int) -> Tensor:
        """Tensor `index` of the subgraph being lowered."""
        return self.subgraph.tensors[index]

    def input(self, op: Operator, position: int) -> Tensor:
        """Input `position` of `op`; refused when the model leaves it out."""
        found = self.optional_input(op, position)
        if found is None:
            self.fail(op, f"has no input {position}")
        return found

    def optional_input(self, op: Operator, position: int) -> Tensor | None:
        """Input `position` of `op`, None when the model leaves it out."""
        if position >= len(op.inputs) or op.inputs[position] < 0:
            return None
        return self.tensor(op.inputs[position])

    def output(self, op: Operator, position: int = 0) -> Tensor:
        """Output `position` of `op`."""
        if position >= len(op.outputs):
            self.fail(op, f"has no output {position}")
        return self.tensor(op.outputs[position])

    def constant(self, tensor: Tensor) -> NDArray[Any] | None:
        """The value of `tensor` if it is known before run time."""
        if tensor.data is not None:
            return tensor.data
        return self._constants.get(tensor.index)

    def need_constant(self, op: Operator, tensor: Tensor, what: str) -> NDArray[Any]:
        """The value of `tensor`; refused by name when it is computed at run time."""
        value = self.constant(tensor)
        if value is None:
            self.fail(op, f"{what} ({tensor.name!r}) is computed at run time; only a constant is supported")
        return value

    def fail(self, op: Operator, why: str) -> NoReturn:
        """Refuses the model: operator, its output tensor, and `why`."""
        where = repr(self.tensor(op.outputs[0]).name) if op.outputs else "no output"
        raise UnsupportedError(f"{self.graph.name}: operator {op.index} {op.name} (output {where}) {why}")

    def require(self, op: Operator, condition: bool, why: str) -> None:
        """`fail`s unless `condition`."""
        if not condition:
            self.fail(op, why)

    def require_dtype(self, op: Operator, tensor: Tensor, *dtypes: str) -> None:
        """`fail`s unless the tensor has one of `dtypes`."""
        if tensor.dtype not in dtypes:
            advice = _ADVICE.get(tensor.dtype, "") if "int8" in dtypes else ""
            self.fail(op, f"has the {tensor.dtype} tensor {tensor.name!r}; supported: {', '.join(dtypes)}{advice}")

    def scale(self, op: Operator, tensor: Tensor) -> float:
        """The per-tensor scale (float32 value) of `tensor`."""
        if tensor.quantisation is None or tensor.quantisation.scale <= 0:
            self.fail(op, f"needs a quantised tensor, and {tensor.name!r} has no scale: convert the model to full int8")
        return tensor.quantisation.scale

    def zero_point(self, op: Operator, tensor: Tensor) -> int:
        """The zero point of `tensor`, checked to lie inside its dtype."""
        if tensor.quantisation is None:
            return 0
        info = np.iinfo(DTYPES[tensor.dtype])
        if not info.min <= tensor.quantisation.zero_point <= info.max:
            self.fail(
                op, f"has the zero point {tensor.quantisation.zero_point} outside {tensor.dtype} in {tensor.name!r}"
            )
        return tensor.quantisation.zero_point

    # What operator modules add.

    def value(self, op: Operator, tensor: Tensor) -> Operand:
        """Where `tensor` is at run time; constants are placed in flash on first use."""
        if tensor.index not in self._values:
            data = self.constant(tensor)
            if data is None:
                self.fail(op, f"reads {tensor.name!r} before anything has written it (a cycle, or a missing producer)")
            self._values[tensor.index] = self.const(data, tensor.name)
        return self._values[tensor.index]

    def const(self, data: NDArray[Any], name: str, *, align: int = 4) -> Operand:
        """A constant table; equal tables of one type are stored once."""
        data = np.ascontiguousarray(data)
        align = max(align, data.dtype.itemsize)
        key = (str(data.dtype), data.tobytes())
        if key not in self._const_cache:
            self._const_cache[key] = self._add(Buffer(name, Place.CONST, data.nbytes, str(data.dtype), data, align))
        return Operand(self._const_cache[key])

    def table(self, op: Operator, data: NDArray[Any], name: str) -> Operand:
        """A constant table of `op`; in the state, beginning with `data`, where it changes while the device runs."""
        if not is_adapted(op):
            return self.const(data, name)
        return self.state(name, data.nbytes, str(data.dtype), np.ascontiguousarray(data))

    def result(self, tensor: Tensor) -> Operand:
        """A new arena buffer for the computed `tensor`, or the memory that `place` has set aside for it."""
        operand = self._placed.get(tensor.index) or self.temporary(tensor.name, tensor.nbytes, tensor.dtype)
        self._values[tensor.index] = operand
        return operand

    def temporary(self, name: str, nbytes: int, dtype: str) -> Operand:
        """Arena memory that is no tensor of the model: scratch, or a value between two calls."""
        return Operand(self._add(Buffer(name, Place.ARENA, nbytes, dtype, align=_alignment(dtype))))

    def state(self, name: str, nbytes: int, dtype: str, initial: NDArray[Any] | None = None) -> Operand:
        """Memory that survives between inferences, `initial` (or zeros) after a reset."""
        return Operand(self._add(Buffer(name, Place.STATE, nbytes, dtype, initial, _alignment(dtype))))

    def place(self, tensor: int, operand: Operand) -> None:
        """Sets memory aside for the tensor that an operator further on computes."""
        self._placed[tensor] = operand

    def alias(self, tensor: Tensor, operand: Operand) -> None:
        """Makes `tensor` another name of memory that exists (RESHAPE and the like cost nothing)."""
        self._values[tensor.index] = operand

    def preserve(self, op: Operator, state: Operand) -> None:
        """Before a call overwrites `state`: tensors that name its memory and are read after `op` get a copy of it."""
        if not self._last_use:
            self._last_use = _last_uses(self.subgraph)
        readers = [
            index
            for index, operand in self._values.items()
            if operand.buffer == state.buffer and self._last_use.get(index, -1) > op.index
        ]
        if not readers:
            return
        buffer = self._buffers[state.buffer]
        kept = self.temporary(f"{buffer.name}_before", buffer.nbytes, buffer.dtype)
        self.emit(op, "copy", {"bytes": buffer.nbytes}, {"input": Operand(state.buffer), "output": kept})
        for index in readers:
            self._values[index] = Operand(kept.buffer, self._values[index].offset)

    def emit(
        self,
        op: Operator,
        kernel: str,
        parameters: Mapping[str, int | float],
        operands: Mapping[str, Operand | None],
        *,
        macs: int = 0,
        in_place: Sequence[tuple[str, str]] = (),
        may_grow: bool = False,
    ) -> None:
        """Appends a call of `kernel`; every declared parameter and operand must be given by its C name."""
        spec = self._kernels[kernel]
        if {p.name for p in spec.parameters} != set(parameters) or {o.name for o in spec.operands} != set(operands):
            raise RuntimeError(
                f"lowering of {op.name} does not match firmware/{spec.header}: parameters "
                f"{sorted({p.name for p in spec.parameters} ^ set(parameters))}, operands "
                f"{sorted({o.name for o in spec.operands} ^ set(operands))}"
            )
        for p in spec.parameters:
            if not p.is_float and not _INT32_MIN <= parameters[p.name] <= _INT32_MAX:
                self.fail(op, f"needs {p.name} = {parameters[p.name]}, which 32 bits do not hold: it is too large")
        for o in spec.operands:
            given = operands[o.name]
            if given is not None and not self._fits(given, o):
                raise RuntimeError(
                    f"lowering of {op.name} gives {self._buffers[given.buffer].dtype} as the operand {o.name} of {kernel}"
                )
        for p in spec.parameters:
            if not p.is_float and not -(1 << 31) <= parameters[p.name] < 1 << 31:
                self.fail(op, f"has {p.name} {parameters[p.name]}, which does not fit 32 bits")
        self._calls.append(
            KernelCall(
                kernel=spec,
                parameters=tuple(
                    float(parameters[p.name]) if p.is_float else int(parameters[p.name]) for p in spec.parameters
                ),
                operands=tuple(operands[o.name] for o in spec.operands),
                layer=self._layer(op),
                macs=macs,
                in_place=tuple((spec.operand_index(out), spec.operand_index(read)) for out, read in in_place),
                may_grow=may_grow,
            )
        )

    def cheapest(self, op: Operator, ways: Sequence[tuple[str, Callable[[], bool]]]) -> None:
        """Lowers `op` by that of `ways` (name, what emits its calls) that costs least on the core.

        A way returns False where it does not apply; the first that does is taken where costs are unknown.
        """
        trials = [trial for name, emit in ways if (trial := self._tried(name, emit)) is not None]
        if not trials:
            raise RuntimeError(f"no variant lowers {op.name}: the portable one must take everything")
        taken = best(trials, self.optimise, self._used_kernels(), self.only)
        shown = (taken.alternative, *(t.alternative for t in trials if t is not taken))
        self._buffers += taken.buffers
        self._calls += [*taken.calls[:-1], replace(taken.calls[-1], alternatives=shown)]
        self._values.update(taken.values)
        self._const_cache.update(taken.consts)

    def _tried(self, name: str, emit: Callable[[], bool]) -> Trial | None:
        """What `emit` would append; nothing of it is kept."""
        buffers, calls, values, consts = len(self._buffers), len(self._calls), self._values, self._const_cache
        new_values: dict[int, Operand] = {}
        new_consts: dict[tuple[str, bytes], int] = {}
        # What the trial adds lies over what is there: copying that for each layer would take quadratic time.
        self._values, self._const_cache = ChainMap(new_values, values), ChainMap(new_consts, consts)
        applies = emit()
        made, emitted = tuple(self._buffers[buffers:]), tuple(self._calls[calls:])
        trial = None
        if applies:
            found = alternative(name, self.core, buffers, made, emitted)
            trial = Trial(found, made, emitted, new_values, new_consts)
        del self._buffers[buffers:], self._calls[calls:]
        self._values, self._const_cache = values, consts
        return trial

    def _used_kernels(self) -> set[str]:
        """Kernels of the calls so far; asked between trials, when no call is there that may yet go."""
        self._used.update(call.kernel.name for call in self._calls[self._counted :])
        self._counted = len(self._calls)
        return self._used

    def skip_rest(self, op: Operator, buffer: int, offset: int) -> None:
        """Leaves out what follows in an inference in which the int32 at `offset` of `buffer` is not 0."""
        self._skips.append(len(self._calls))
        self.emit(op, SKIP, {"calls": 0}, {"is_waiting": Operand(buffer, offset)})

    def _hold(self, ports: Sequence[Port]) -> tuple[Port, ...]:
        """The outputs of a model that may leave calls out: kept in the state, and copied from there every time."""
        held = [self.state(f"{port.name}_held", port.nbytes, port.dtype) for port in ports]
        op = Operator(len(self.subgraph.operators), "HOLD", 1, (), ())
        for port, state in zip(ports, held, strict=True):
            self.emit(op, "copy", {"bytes": port.nbytes}, {"input": port.operand, "output": state})
        end = len(self._calls)
        copies = []
        for port, state in zip(ports, held, strict=True):
            copies.append(self.temporary(port.name, port.nbytes, port.dtype))
            self.emit(op, "copy", {"bytes": port.nbytes}, {"input": state, "output": copies[-1]})
        for number in self._skips:
            self._calls[number] = replace(self._calls[number], parameters=(end - number - 1,))
        return tuple(replace(port, operand=copied) for port, copied in zip(ports, copies, strict=True))

    def _fits(self, operand: Operand, spec: OperandSpec) -> bool:
        """True when the buffer holds what the kernel declares; C has no bool operands, they are bytes."""
        dtype = self._buffers[operand.buffer].dtype
        return spec.dtype in ("void", dtype) or (dtype == "bool" and spec.dtype == "uint8")

    def _layer(self, op: Operator) -> Layer:
        if not op.outputs:
            return Layer(op.index, op.name, op.name)
        return Layer(op.index, op.name, self.tensor(op.outputs[0]).name, op.outputs[0])

    def _add(self, buffer: Buffer) -> int:
        self._buffers.append(buffer)
        return len(self._buffers) - 1

    # The walk.

    def run(self) -> Program:
        """Lowers the whole graph."""
        inputs = tuple(self._input_port(index) for index in self.subgraph.inputs)
        self._variables()
        lower, fold = lowerings(), folders()
        for op in self.subgraph.operators:
            self._operators[op.name] += 1
            self._check_types(op)
            if op.name not in lower and op.name not in fold:
                self._unknown(op, {*lower, *fold} - INTERNAL)
            elif not self.fold(op):
                lower[op.name](self, op)
        return self._program(inputs, self.subgraph.outputs)

    def fold(self, op: Operator) -> bool:
        """Computes the outputs of `op` now, if its inputs are known and the result is worth storing."""
        folder = folders().get(op.name)
        values = folder(self, op) if folder else None
        if values is None and self._is_worth_folding(op):
            values = self._run_alone(op)
        if values is None:
            return False
        for index, value in zip(op.outputs, values, strict=True):
            tensor = self.tensor(index)
            if value.size != tensor.elements:
                self.fail(op, f"gives {value.size} elements where {tensor.name!r} has {tensor.elements}")
            self._constants[index] = np.asarray(value, DTYPES[tensor.dtype]).reshape(tensor.shape)
        return True

    def _is_worth_folding(self, op: Operator) -> bool:
        """True when all inputs are constant, and the outputs are no larger or small: flash is not spent on zeros."""
        if op.is_custom or op.name not in lowerings() or not op.inputs or not op.outputs:
            return False
        known = [self.constant(self.tensor(i)) for i in op.inputs if i >= 0]
        nbytes = sum(self.tensor(i).nbytes for i in op.outputs if self.tensor(i).dtype in DTYPES)
        return all(value is not None for value in known) and nbytes <= max(
            _SMALL_BYTES, sum(value.nbytes for value in known if value is not None)
        )

    def _run_alone(self, op: Operator) -> tuple[NDArray[Any], ...]:
        """The outputs of `op` on its constant inputs, computed by the kernels that the device would run."""
        from fieldwren.plan import plan
        from fieldwren.runtime import Interpreter

        alone = Lowering(self.graph, PORTABLE)
        alone.subgraph, alone._constants = self.subgraph, self._constants
        lowerings()[op.name](alone, op)
        return tuple(Interpreter(plan(alone._program((), op.outputs))).invoke([]))

    def _program(self, inputs: tuple[Port, ...], outputs: Sequence[int]) -> Program:
        ports = tuple(self._output_port(index) for index in outputs)
        if self._skips:
            ports = self._hold(ports)
        return Program(
            name=self.graph.name,
            model_sha256=self.graph.sha256,
            buffers=tuple(self._buffers),
            calls=tuple(self._calls),
            inputs=inputs,
            outputs=ports,
            operators=self._operators,
        )

    def _input_port(self, index: int) -> Port:
        tensor = self.tensor(index)
        if tensor.dtype not in DTYPES:
            raise UnsupportedError(
                f"{self.graph.name}: input {tensor.name!r} is {tensor.dtype}; supported: {', '.join(DTYPES)}"
            )
        if tensor.elements == 0:
            raise UnsupportedError(f"{self.graph.name}: input {tensor.name!r} has the empty shape {list(tensor.shape)}")
        return self._port(tensor, self.result(tensor))

    def _output_port(self, index: int) -> Port:
        tensor = self.tensor(index)
        operand = self._values.get(index)
        if operand is None and self.constant(tensor) is None:
            raise BadInputError(f"{self.graph.name}: nothing computes the output {tensor.name!r}")
        if operand is None or self._buffers[operand.buffer].place is not Place.ARENA:
            operand = self._copied(tensor)
        return self._port(tensor, operand)

    def _copied(self, tensor: Tensor) -> Operand:
        """An arena copy of a value that lives in flash or in the state, so that a caller can read it as an output."""
        op = Operator(len(self.subgraph.operators), "COPY", 1, (tensor.index,), (tensor.index,))
        source = self.value(op, tensor)
        target = self.temporary(tensor.name, tensor.nbytes, tensor.dtype)
        self.emit(op, "copy", {"bytes": tensor.nbytes}, {"input": source, "output": target})
        return target

    def _port(self, tensor: Tensor, operand: Operand) -> Port:
        # A zero point means something only where there are integers; float ports of real models carry left-overs.
        quantisation = tensor.quantisation if DTYPES[tensor.dtype].kind in "iu" else None
        if quantisation is not None and not -(1 << 31) <= quantisation.zero_point < 1 << 31:
            raise BadInputError(
                f"{self.graph.name}: tensor {tensor.name!r} has the zero point {quantisation.zero_point}"
            )
        return Port(
            name=tensor.name,
            operand=operand,
            shape=tensor.shape,
            dtype=tensor.dtype,
            nbytes=tensor.nbytes,
            scale=quantisation.scale if quantisation else 0.0,
            zero_point=quantisation.zero_point if quantisation else 0,
        )

    def _variables(self) -> None:
        """State tensors (SVDF, LSTM): alive between inferences, zero (int8: their zero point) after a reset."""
        for tensor in self.subgraph.tensors:
            if tensor.is_variable and tensor.dtype in DTYPES:
                zero = tensor.quantisation.zero_point & 0xFF if tensor.quantisation and tensor.dtype == "int8" else 0
                initial = np.full(tensor.shape, zero, np.uint8).view(np.int8) if zero else None
                self._values[tensor.index] = self.state(tensor.name, tensor.nbytes, tensor.dtype, initial)

    def _check_types(self, op: Operator) -> None:
        for index in (*op.inputs, *op.outputs):
            if index >= 0 and self.tensor(index).dtype not in (*DTYPES, "resource"):
                self.fail(
                    op,
                    f"has the {self.tensor(index).dtype} tensor {self.tensor(index).name!r}; supported: {', '.join(DTYPES)}",
                )

    def _unknown(self, op: Operator, known: Set[str]) -> NoReturn:
        if op.is_custom:
            self.fail(op, "is a custom operator without a registered lowering: install the package that provides it")
        self.fail(op, f"is not supported; supported operators: {', '.join(sorted(known))}")


def lower(graph: Graph, core: Core, optimise: Optimise = "balanced", *, only: str | None = None) -> Program:
    """Graph → Program for `core`. Raises UnsupportedError naming operator and tensor for what cannot be compiled.

    `only` names the variant to take wherever it applies, whatever it costs.
    """
    return Lowering(graph, core, optimise, only).run()
