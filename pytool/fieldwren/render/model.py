"""Plan → model.c and model.h: one function per kernel signature, one table per constant, straight-line calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fieldwren.core import Optimise
from fieldwren.graph import DTYPE_CODES
from fieldwren.kernel import Kernel
from fieldwren.plan import Plan
from fieldwren.plan.encode import encode, initial_state
from fieldwren.program import SKIP, KernelCall, Operand, Place, Port, skipped_to
from fieldwren.render.environment import Provenance, render
from fieldwren.render.literals import c_comment, c_float, c_identifier, c_int, c_type

_DTYPE_NAMES = {name: f"FW_{name.upper()}" for name in DTYPE_CODES}
_BYTES_PER_TABLE_NAME = 40


@dataclass(frozen=True)
class Table:
    """A constant of model.c."""

    c_type: str
    name: str
    values: object


@dataclass(frozen=True)
class Instance:
    """A kernel specialised for literal parameters; `arguments` are those that differ between its layers."""

    name: str
    kernel: Kernel
    arguments: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...]
    absent: frozenset[int]

    @property
    def signature(self) -> str:
        """The C parameter list."""
        pointers = [
            f"{'const ' if spec.is_const else ''}{spec.c_type} *{spec.name}"
            for index, spec in enumerate(self.kernel.operands)
            if index not in self.absent
        ]
        kinds = {p.name: "float" if p.is_float else "int32_t" for p in self.kernel.parameters}
        return ", ".join([*pointers, *(f"{kinds[name]} {name}" for name in self.arguments)])

    @property
    def operands(self) -> str:
        """What the instance hands on to the body."""
        return ", ".join("0" if i in self.absent else spec.name for i, spec in enumerate(self.kernel.operands))


@dataclass(frozen=True)
class Call:
    """One line of fw_model_invoke."""

    comment: str
    text: str
    hook: str
    is_after_skipped: bool


def render_optimised(planned: Plan, provenance: Provenance, optimise: Optimise) -> dict[str, bytes]:
    """{"model.h": …, "model.c": …} in the form that `optimise` asks for."""
    if optimise == "size":
        return render_program(planned, provenance)
    return render_model(planned, provenance, own_code=optimise == "speed")


def optimised_sources(planned: Plan, optimise: Optimise) -> tuple[str, ...]:
    """The hand-written C that a model rendered for `optimise` calls, relative to firmware/."""
    return program_sources(planned) if optimise == "size" else linked_sources(planned)


def optimise_flags(optimise: Optimise) -> tuple[str, ...]:
    """What the compiler is told."""
    return ("-Os",) if optimise == "size" else ("-O2",)


def render_model(planned: Plan, provenance: Provenance, *, own_code: bool = False) -> dict[str, bytes]:
    """{"model.h": …, "model.c": …}: the model as C that calls firmware/kernels.

    `own_code` gives every layer a function of its own, all parameters literal; else layers share where they can.
    """
    program = planned.program
    names = _table_names(planned)
    resumed = skipped_to(program)
    instances, calls = _instances(program.calls, own_code=own_code)
    context = _model_context(planned) | {
        "headers": sorted({call.kernel.header for call in program.calls}),
        "tables": [
            Table(c_type(buffer.dtype if buffer.dtype != "bool" else "uint8"), names[index], buffer.data)
            for index, buffer in enumerate(program.buffers)
            if buffer.place is Place.CONST and buffer.data is not None and buffer.data.size
        ],
        "instances": [instance for instance in instances if instance.kernel.name != SKIP],
        "calls": [
            _call(planned, names, number, call, instance, is_resumed=number == resumed)
            for number, (call, instance) in enumerate(zip(program.calls, calls, strict=True))
        ],
        "resets": resets(planned),
    }
    return {
        "model.h": render("model.h.j2", provenance, **context),
        "model.c": render("model.c.j2", provenance, **context),
    }


@dataclass(frozen=True)
class Resets:
    """The state after a reset: stretches of one value (offset, bytes, value), or a table where there are too many."""

    fills: tuple[tuple[int, int, int], ...]
    table: bytes


_FILLS_MOST = 8


def resets(planned: Plan) -> Resets:
    """How fw_model_reset makes the state: variables mostly begin as their zero point, which needs no table."""
    values = np.frombuffer(initial_state(planned) or bytes(planned.state_bytes), np.uint8)
    if not values.size:
        return Resets((), b"")
    starts = np.flatnonzero(np.diff(values, prepend=~values[:1]))
    if starts.size > _FILLS_MOST:
        return Resets((), values.tobytes())
    ends = (*starts[1:].tolist(), values.size)
    fills = tuple((s, e - s, int(values[s])) for s, e in zip(starts.tolist(), ends, strict=True))
    return Resets(fills, b"")


def render_program(planned: Plan, provenance: Provenance) -> dict[str, bytes]:
    """{"model.h": …, "model.c": …}: the model as a Program that fw_run executes, for the smallest image."""
    kernels = {call.kernel.id: call.kernel for call in planned.program.calls}
    context = _model_context(planned) | {
        "kernels": [kernels[number] for number in sorted(kernels)],
        "program": encode(planned),
    }
    return {
        "model.h": render("model.h.j2", provenance, **context),
        "model.c": render("model_program.c.j2", provenance, **context),
    }


def program_sources(planned: Plan) -> tuple[str, ...]:
    """The hand-written C that a rendered Program calls, relative to firmware/."""
    kernels = {call.kernel.source for call in planned.program.calls}
    return ("runtime/fw_run.c", "runtime/crc32.c", *sorted(kernels), *linked_sources(planned))


def linked_sources(planned: Plan) -> tuple[str, ...]:
    """The hand-written C that the bodies of the kernels of a model call into, relative to firmware/."""
    return tuple(sorted({source for call in planned.program.calls for source in call.kernel.linked}))


def _model_context(planned: Plan) -> dict[str, object]:
    """What both forms of model.c say about the model."""
    program = planned.program
    return {
        "name": program.name,
        "plan": planned,
        "sha256": bytes.fromhex(program.model_sha256),
        "inputs": [_port(planned, port) for port in program.inputs],
        "outputs": [_port(planned, port) for port in program.outputs],
    }


def _table_names(planned: Plan) -> Mapping[int, str]:
    """A unique C identifier for each constant buffer, ending in what the model calls it."""
    tables = [i for i, buffer in enumerate(planned.program.buffers) if buffer.place is Place.CONST]
    return {
        index: f"t{number}_{c_identifier(planned.program.buffers[index].name)[-_BYTES_PER_TABLE_NAME:]}"
        for number, index in enumerate(tables)
    }


def _instances(calls: Sequence[KernelCall], *, own_code: bool) -> tuple[list[Instance], list[Instance]]:
    """(distinct instances, the instance of each call): calls that agree in all literal parameters share one."""
    groups: dict[object, list[KernelCall]] = {}
    keys = []
    for call in calls:
        absent = frozenset(i for i, operand in enumerate(call.operands) if operand is None)
        literals = tuple(
            value
            for spec, value in zip(call.kernel.parameters, call.parameters, strict=True)
            if own_code or not spec.per_layer
        )
        keys.append((call.kernel.name, literals, absent))
        groups.setdefault(keys[-1], []).append(call)
    made = {key: _instance(number, group) for number, (key, group) in enumerate(groups.items())}
    return list(made.values()), [made[key] for key in keys]


def _instance(number: int, calls: Sequence[KernelCall]) -> Instance:
    kernel = calls[0].kernel
    columns = list(zip(*(call.parameters for call in calls), strict=True))
    arguments, parameters = [], []
    for spec, values in zip(kernel.parameters, columns, strict=True):
        if len(set(values)) > 1:
            arguments.append(spec.name)
            parameters.append((spec.name, spec.name))
        else:
            parameters.append((spec.name, c_float(values[0]) if spec.is_float else c_int(int(values[0]))))
    return Instance(
        name=f"k{number}_{kernel.name}",
        kernel=kernel,
        arguments=tuple(arguments),
        parameters=tuple(parameters),
        absent=frozenset(i for i, operand in enumerate(calls[0].operands) if operand is None),
    )


def _address(planned: Plan, names: Mapping[int, str], operand: Operand) -> str:
    place = planned.program.buffers[operand.buffer].place
    if place is Place.CONST:
        name = names[operand.buffer]
        return name if operand.offset == 0 else f"(const void *)((const uint8_t *){name} + {operand.offset})"
    base = "a" if place is Place.ARENA else "s"
    return f"(void *)({base} + {planned.address(operand)})"


def _call(
    planned: Plan, names: Mapping[int, str], number: int, call: KernelCall, instance: Instance, *, is_resumed: bool
) -> Call:
    values = {spec.name: value for spec, value in zip(call.kernel.parameters, call.parameters, strict=True)}
    floats = {spec.name: spec.is_float for spec in call.kernel.parameters}
    arguments = [_address(planned, names, operand) for operand in call.operands if operand is not None]
    arguments += [c_float(values[name]) if floats[name] else c_int(int(values[name])) for name in instance.arguments]
    text = f"{instance.name}({', '.join(arguments)});"
    if call.kernel.name == SKIP:
        text = f"if (*(const int32_t *){arguments[0]}) goto skipped;"
    hook = ""
    if call.output is not None:
        nbytes = planned.program.buffers[call.output.buffer].nbytes - call.output.offset
        hook = f"FW_LAYER_HOOK({number}, {_address(planned, names, call.output)}, {nbytes});"
    return Call(
        comment=c_comment(f"{call.layer.operator}: {call.layer.name} {call.layer.output}"[:100]),
        text=text,
        hook=hook,
        is_after_skipped=is_resumed,
    )


def _port(planned: Plan, port: Port) -> dict[str, object]:
    return {
        "name": port.name,
        "offset": planned.address(port.operand),
        "bytes": port.nbytes,
        "dtype": _DTYPE_NAMES[port.dtype],
        "scale": port.scale,
        "zero_point": port.zero_point,
    }
