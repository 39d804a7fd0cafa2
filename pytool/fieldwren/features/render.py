"""A front end as C source: the constant data that firmware holds in flash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldwren.features.parameters import FrontEndParameters
from fieldwren.features.state import FrontEndState
from fieldwren.features.tables import FrontEndData, front_end_data
from fieldwren.render import literals
from fieldwren.render.environment import Provenance, render

KIND_NAMES = {1: "FW_FRONTEND_MEL", 2: "FW_FRONTEND_MEL_FIXED", 3: "FW_FRONTEND_MICRO", 4: "FW_FRONTEND_SENSOR"}


@dataclass(frozen=True)
class Table:
    """One array: `c_type name[values.size]`."""

    name: str
    c_type: str
    values: npt.NDArray[Any]


@dataclass(frozen=True)
class RenderedFrontEnd:
    """What a template needs to write a front end.

    `members` are (name, C expression) of the kind's struct, tables by name; `memory_bytes` is what
    fw_frontend_init() will ask for, on every target.
    """

    kind: str
    data: FrontEndData
    tables: tuple[Table, ...]
    members: tuple[tuple[str, str], ...]
    memory_bytes: int
    tables_bytes: int


def rendered(parameters: FrontEndParameters) -> RenderedFrontEnd:
    """The front end's tables and members as exact C."""
    data = front_end_data(parameters)
    tables, members = [], []
    for name, value in data.fields.items():
        if isinstance(value, np.ndarray):
            if value.size:
                tables.append(Table(f"frontend_{name}", literals.c_type(value.dtype), value))
            members.append((name, f"frontend_{name}" if value.size else "0"))
        elif isinstance(value, float):
            members.append((name, literals.c_float(value)))
        else:
            members.append((name, literals.c_int(value)))
    return RenderedFrontEnd(
        kind=KIND_NAMES[data.kind],
        data=data,
        tables=tuple(tables),
        members=tuple(members),
        memory_bytes=FrontEndState(parameters).memory_bytes,
        tables_bytes=sum(table.values.nbytes for table in tables),
    )


def render_front_end(parameters: FrontEndParameters, provenance: Provenance) -> dict[str, bytes]:
    """frontend.h (kind, memory size) and frontend.c (`fw_frontend_config` and its tables) for a project."""
    context = {"frontend": rendered(parameters)}
    return {name: render(f"{name}.j2", provenance, **context) for name in ("frontend.h", "frontend.c")}
