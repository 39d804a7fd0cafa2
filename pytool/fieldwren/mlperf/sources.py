"""The `benchmark` image: a model behind the MLPerf Tiny device protocol."""

from __future__ import annotations

from dataclasses import replace

from fieldwren.boards import Board
from fieldwren.core import Optimise
from fieldwren.images import model_sources
from fieldwren.mlperf.tasks import Task, task_of
from fieldwren.plan import Plan
from fieldwren.render.environment import Provenance, render
from fieldwren.sources import Sources

_FIRMWARE = (
    "benchmark/dut.c",
    "benchmark/text.c",
    "features/quantise.c",
    "link/json.c",
    "link/json_float.c",
    "link/utf8.c",
)
_FLOAT_BYTES = 4


def benchmark_sources(
    planned: Plan, board: Board, task: str | None = None, *, optimise: Optimise = "balanced"
) -> Sources:
    """Sources of the image; `task` is found from the model's tensors unless given. Raises BadInputError."""
    found = task_of(planned.program, task)
    model = model_sources(planned, board, "benchmark", optimise=optimise)
    provenance = Provenance(model_sha256=planned.program.model_sha256, board=board.id)
    config = render(
        "dut_config.h.j2",
        provenance,
        name=f"fieldwren-{board.id}",
        task=found,
        bytes=input_bytes(planned, found),
        staged_bytes=planned.program.inputs[0].nbytes if found.input == "floats" else 0,
    )
    return replace(model, files={**model.files, "dut_config.h": config}, firmware=(*model.firmware, *_FIRMWARE))


def input_bytes(planned: Plan, task: Task) -> int:
    """How many bytes the host sends for one inference."""
    elements = task.input_elements
    return elements * _FLOAT_BYTES if task.input == "floats" else planned.program.inputs[0].nbytes
