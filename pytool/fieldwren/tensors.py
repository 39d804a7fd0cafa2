"""Tensors of several inference steps, in memory and as .npz files.

A `Steps` value holds one array per model input (or output), each of shape [steps, *tensor shape].
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwren.errors import BadInputError
from fieldwren.graph import DTYPES
from fieldwren.program import Port

Steps = list[NDArray[Any]]


def load_steps(path: Path, ports: Sequence[Port]) -> Steps:
    """Reads arrays in0, in1, … for `ports`; refuses wrong names, dtypes and shapes instead of casting."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, KeyError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not an .npz file of plain arrays"
        raise BadInputError(f"{path}: cannot read the inputs: {reason}") from error
    wanted = [f"in{i}" for i in range(len(ports))]
    if sorted(arrays) != sorted(wanted):
        raise BadInputError(f"{path}: holds the arrays {sorted(arrays)}, and the model needs {wanted}")
    steps = [arrays[name] for name in wanted]
    for name, port, array in zip(wanted, ports, steps, strict=True):
        if array.dtype != DTYPES[port.dtype]:
            raise BadInputError(
                f"{path}: {name} is {array.dtype}, and the model's input {port.name!r} is {port.dtype}: convert it first"
            )
        if array.ndim != len(port.shape) + 1 or array.shape[1:] != port.shape:
            raise BadInputError(
                f"{path}: {name} has shape {list(array.shape)}, and the model needs [steps, {', '.join(map(str, port.shape))}]"
            )
    if len({len(array) for array in steps}) > 1:
        raise BadInputError(f"{path}: the inputs have different numbers of steps: {[len(array) for array in steps]}")
    return steps


def save_steps(path: Path, steps: Steps) -> None:
    """Writes out0, out1, … to exactly `path` (NumPy by itself would append .npz to the name)."""
    arrays: dict[str, Any] = {f"out{i}": array for i, array in enumerate(steps)}
    with path.open("wb") as file:
        np.savez(file, **arrays)


def to_bytes(steps: Steps) -> bytes:
    """The steps as the exec image reads them: step after step, all tensors of a step in order."""
    count = len(steps[0]) if steps else 0
    return b"".join(array[k].tobytes() for k in range(count) for array in steps)


def from_bytes(data: bytes, ports: Sequence[Port], count: int) -> Steps | None:
    """The inverse of `to_bytes` for `count` steps; None when `data` has another size."""
    row = sum(port.nbytes for port in ports)
    if len(data) != row * count:
        return None
    table = np.frombuffer(data, np.uint8).reshape(count, row)
    steps, start = [], 0
    for port in ports:
        column = np.ascontiguousarray(table[:, start : start + port.nbytes])
        steps.append(column.view(DTYPES[port.dtype]).reshape(count, *port.shape))
        start += port.nbytes
    return steps
