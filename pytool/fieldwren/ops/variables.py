"""Resource variables: VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE, and CALL_ONCE, which sets their initial values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import DTYPES, Operator, Subgraph, Tensor
from fieldwren.ops.lowering import Lowering, Variable
from fieldwren.ops.registry import ANY, lowers

Key = tuple[str, str]


def _key(op: Operator) -> Key:
    """Container and shared name, which together name a variable."""
    return _text(op.options.get("container")), _text(op.options.get("shared_name"))


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")


@lowers("VAR_HANDLE", dtypes=())
def lower_var_handle(ctx: Lowering, op: Operator) -> None:
    """The output stands for a variable; there is nothing to run."""
    ctx.handles[ctx.output(op).index] = _key(op)


@lowers("READ_VARIABLE", dtypes=())
def lower_read_variable(ctx: Lowering, op: Operator) -> None:
    """The output is the variable's memory; ASSIGN_VARIABLE keeps what is still read of it."""
    output = ctx.output(op)
    ctx.alias(output, _variable(ctx, op, output).state)


@lowers("ASSIGN_VARIABLE", dtypes=ANY, dtype_of=1)
def lower_assign_variable(ctx: Lowering, op: Operator) -> None:
    """Copies the value into the variable's memory."""
    value = ctx.input(op, 1)
    variable = _variable(ctx, op, value)
    source = ctx.value(op, value)
    if source == variable.state:
        return
    ctx.preserve(op, variable.state)
    ctx.emit(op, "copy", {"bytes": value.nbytes}, {"input": source, "output": variable.state})


@lowers("CALL_ONCE", dtypes=())
def lower_call_once(ctx: Lowering, op: Operator) -> None:
    """Evaluates the initialising subgraph now: its assignments become the variables' values after a reset."""
    number = op.options.get("init_subgraph_index", 0)
    ctx.require(op, 0 < number < len(ctx.graph.subgraphs), f"calls subgraph {number}, which does not exist")
    for key, (value, tensor) in _assignments(ctx, op, ctx.graph.subgraphs[number]).items():
        ctx.require(op, key not in ctx.variables, f"sets the variable {key[1]!r} after its first use")
        state = ctx.state(key[1], tensor.nbytes, tensor.dtype, value)
        ctx.variables[key] = Variable(state, tensor.dtype, tensor.nbytes)


def _assignments(ctx: Lowering, call: Operator, body: Subgraph) -> dict[Key, tuple[NDArray[Any], Tensor]]:
    """The last value that `body` assigns to each variable. Everything in it must be constant."""
    inner = Lowering(ctx.graph, ctx.core)
    inner.subgraph = body
    assigned: dict[Key, tuple[NDArray[Any], Tensor]] = {}
    for op in body.operators:
        if op.name == "VAR_HANDLE":
            lower_var_handle(inner, op)
        elif op.name == "ASSIGN_VARIABLE":
            tensor = inner.input(op, 1)
            value = inner.constant(tensor)
            if value is None:
                ctx.fail(call, f"assigns {tensor.name!r}, which is not constant")
            assigned[_handle(inner, op)] = value, tensor
        elif not inner.fold(op):
            ctx.fail(call, f"runs {op.name} on values that are not constant")
    return assigned


def _handle(ctx: Lowering, op: Operator) -> Key:
    tensor = ctx.input(op, 0)
    if tensor.index not in ctx.handles:
        ctx.fail(op, f"uses {tensor.name!r}, which no VAR_HANDLE gives")
    return ctx.handles[tensor.index]


def _variable(ctx: Lowering, op: Operator, tensor: Tensor) -> Variable:
    """The variable that `op` accesses as `tensor`, created on its first use."""
    key = _handle(ctx, op)
    if key not in ctx.variables:
        assigned = _first_assigned(ctx, key)
        if assigned is None:
            ctx.fail(op, f"reads the variable {key[1]!r}, which nothing assigns")
        state = ctx.state(key[1], assigned.nbytes, assigned.dtype, _uninitialised(assigned))
        ctx.variables[key] = Variable(state, assigned.dtype, assigned.nbytes)
    variable = ctx.variables[key]
    ctx.require(
        op,
        tensor.dtype == variable.dtype and tensor.nbytes == variable.nbytes,
        f"accesses the variable {key[1]!r} of {variable.nbytes} bytes {variable.dtype} as "
        f"{tensor.dtype}{list(tensor.shape)}",
    )
    return variable


def _first_assigned(ctx: Lowering, key: Key) -> Tensor | None:
    """The value of the first ASSIGN_VARIABLE of the main subgraph to the variable `key`: it fixes size and type."""
    handles = {op.outputs[0]: _key(op) for op in ctx.subgraph.operators if op.name == "VAR_HANDLE" and op.outputs}
    for op in ctx.subgraph.operators:
        if op.name == "ASSIGN_VARIABLE" and handles.get(ctx.input(op, 0).index) == key:
            return ctx.input(op, 1)
    return None


def _uninitialised(tensor: Tensor) -> NDArray[Any] | None:
    """What TFLM leaves in a variable that CALL_ONCE does not set: every byte is the low byte of the zero point."""
    zero_point = tensor.quantisation.zero_point if tensor.quantisation else 0
    if zero_point & 0xFF == 0:
        return None
    return np.full(tensor.nbytes, zero_point & 0xFF, np.uint8).view(DTYPES[tensor.dtype])
