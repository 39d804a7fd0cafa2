"""The benchmark's tasks as data: what the bytes of an input are, what a result is, how long performance runs are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

from fieldwren.errors import BadInputError
from fieldwren.program import Port, Program


@dataclass(frozen=True)
class Task:
    """One task of MLPerf Tiny.

    `input`: what the host sends (`raw`: the int8 tensor itself; `pixels`: 0 … 255; `floats`: float32, little-endian).
    `result`: what comes back (`values`: the outputs as real numbers; `squared_error`: one number, the mean squared
    difference of output and input). `iterations` and `warm_ups` are those of the public runner's performance mode.
    """

    id: str
    what: str
    input_elements: int
    output_elements: int
    input: Literal["raw", "pixels", "floats"]
    result: Literal["values", "squared_error"]
    iterations: int
    warm_ups: int


TASKS: dict[str, Task] = {
    task.id: task
    for task in (
        Task("kws01", "keyword spotting", 490, 12, "raw", "values", 70, 10),
        Task("vww01", "visual wake words", 96 * 96 * 3, 2, "pixels", "values", 20, 5),
        Task("ic01", "image classification", 32 * 32 * 3, 10, "pixels", "values", 20, 5),
        Task("ad01", "anomaly detection", 640, 640, "floats", "squared_error", 1500, 10),
    )
}

_INPUT_TYPES = {"raw": ("int8",), "pixels": ("int8", "uint8"), "floats": ("int8", "uint8", "int16", "float32")}
_OUTPUT_TYPES = ("int8", "uint8", "int16", "float32")


def task_of(program: Program, task: str | None = None) -> Task:
    """The task that the model is for: `task`, or the one whose tensors have the model's sizes.

    Raises BadInputError for an unknown task, and for a model whose tensors are not the task's.
    """
    if task is None:
        found = [t for t in TASKS.values() if not _misfit(program, t)]
        if len(found) == 1:
            return found[0]
        raise BadInputError(
            f"{program.name}: takes {_ports(program.inputs)} and gives {_ports(program.outputs)}, which is none of MLPerf "
            f"Tiny's tasks: {'; '.join(_form(t) for t in TASKS.values())}"
        )
    if task not in TASKS:
        raise BadInputError(f"unknown task {task!r}: MLPerf Tiny's are {', '.join(TASKS)}")
    misfit = _misfit(program, TASKS[task])
    if misfit:
        raise BadInputError(f"{program.name}: {misfit}: the task is {_form(TASKS[task])}")
    return TASKS[task]


def _misfit(program: Program, task: Task) -> str | None:
    """Why the model cannot serve the task, or None."""
    if len(program.inputs) != 1 or len(program.outputs) != 1:
        return f"has {len(program.inputs)} inputs and {len(program.outputs)} outputs"
    source, result = program.inputs[0], program.outputs[0]
    if prod(source.shape) != task.input_elements or source.dtype not in _INPUT_TYPES[task.input]:
        return f"takes {_ports(program.inputs)}"
    if prod(result.shape) != task.output_elements or result.dtype not in _OUTPUT_TYPES:
        return f"gives {_ports(program.outputs)}"
    return None


def _ports(ports: Sequence[Port]) -> str:
    return ", ".join(f"{'x'.join(map(str, port.shape))} {port.dtype}" for port in ports) or "nothing"


def _form(task: Task) -> str:
    types = " or ".join(_INPUT_TYPES[task.input])
    return f"{task.id}: {task.input_elements} {types} to {task.output_elements}"
