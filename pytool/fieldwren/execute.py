"""Runs a planned model over steps of inputs: fw_run on this machine, or rendered C in an emulator."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwren.boards import Board
from fieldwren.core import Optimise
from fieldwren.emulators import emulator_for
from fieldwren.errors import LinkLostError
from fieldwren.images import cached_image, model_sources
from fieldwren.plan import Plan
from fieldwren.runtime import Interpreter
from fieldwren.tensors import Steps, from_bytes, to_bytes

_SECONDS_AT_LEAST = 60.0
_MACS_PER_SECOND = 5e6
"""A pessimistic speed of portable kernels under emulation on a busy computer; it only bounds the wait."""


@dataclass(frozen=True)
class Execution:
    """`outputs`: one array [steps, *shape] per model output. `layers[step][call]`: raw bytes of each call's output."""

    outputs: Steps
    layers: list[list[bytes]] = field(default_factory=list)


def interpret(planned: Plan, inputs: Steps) -> Execution:
    """fw_run on this machine. The state is reset before step 0 and carried on."""
    interpreter = Interpreter(planned)
    rows = [interpreter.invoke([array[k] for array in inputs]) for k in range(len(inputs[0]))]
    return Execution([_stacked(rows, i, port.shape) for i, port in enumerate(planned.program.outputs)])


def interpret_layers(planned: Plan, inputs: Steps) -> Execution:
    """Like `interpret`, with the output of every kernel call of every step."""
    interpreter = Interpreter(planned)
    layers, rows = [], []
    for k in range(len(inputs[0])):
        layers.append([value.tobytes() for value in interpreter.layers([array[k] for array in inputs])])
        rows.append(interpreter.outputs())
    return Execution([_stacked(rows, i, port.shape) for i, port in enumerate(planned.program.outputs)], layers)


def execute(
    planned: Plan, board: Board, inputs: Steps, *, layers: bool = False, optimise: Optimise = "balanced"
) -> Execution:
    """The model as firmware on `board` (QEMU, or a process for `host`), fed through the bulk channel.

    `planned` must have been lowered for this board. Raises LinkLostError when the firmware does not finish.
    """
    count = len(inputs[0]) if inputs else 0
    image = cached_image(model_sources(planned, board, "exec", optimise=optimise, layer_hooks=layers), board)
    result = emulator_for(board).run_to_exit(
        image.elf,
        board,
        files={"inputs.bin": to_bytes(inputs)},
        timeout_s=_SECONDS_AT_LEAST + count * planned.program.macs / _MACS_PER_SECOND,
        icount=False,
    )
    outputs = from_bytes(result.files_written.get("outputs.bin", b""), planned.program.outputs, count)
    if result.exit_code != 0 or outputs is None:
        raise LinkLostError(
            f"{planned.program.name} on {board.id}: the firmware ended with code {result.exit_code} before all {count} steps were "
            "answered; run it with `fieldwren verify` to find the layer"
        )
    return Execution(outputs, _split_layers(result.files_written.get("layers.bin", b""), count))


def _stacked(rows: list[list[NDArray[Any]]], index: int, shape: tuple[int, ...]) -> NDArray[Any]:
    """Output `index` of all rows as one array; keeps the shape when there is no row."""
    return np.stack([row[index] for row in rows]) if rows else np.zeros((0, *shape))


def _split_layers(data: bytes, count: int) -> list[list[bytes]]:
    """The records of layers.bin (call number, size, bytes) by step; a step begins with call 0."""
    steps: list[list[bytes]] = []
    position = 0
    while position + 8 <= len(data):
        call, nbytes = struct.unpack_from("<II", data, position)
        if call == 0:
            steps.append([])
        # Calls that write nothing, and those that were left out, have no record.
        steps[-1] += [b""] * (call - len(steps[-1]))
        steps[-1].append(data[position + 8 : position + 8 + nbytes])
        position += 8 + nbytes
    return steps[:count]
