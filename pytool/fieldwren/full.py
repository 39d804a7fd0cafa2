"""The `full` image around a bare model: link, detector and the app loop, as a generated app has them."""

from __future__ import annotations

from math import prod
from pathlib import Path

from fieldwren.app import MANIFEST, App
from fieldwren.app_model import app_model
from fieldwren.boards import Board, Image
from fieldwren.core import Optimise
from fieldwren.errors import BadInputError
from fieldwren.features import METADATA_KEY
from fieldwren.graph import Graph
from fieldwren.images import cached_image
from fieldwren.plan import Plan
from fieldwren.render.app import app_sources

_COLUMNS_MOST = 32
_ROW_INTERVAL_MS = 20.0


def full_image(graph: Graph, planned: Plan, board: Board, optimise: Optimise = "balanced") -> Image | None:
    """The app's image for `graph`; None for a model that no app can feed (several inputs, no scale, …).

    A model without a front end of its own is fed rows over the link, which is the least that an app needs.
    """
    try:
        model = app_model(_app(graph, planned), graph, planned.program)
        return cached_image(app_sources(model, planned, board, optimise=optimise), board)
    except BadInputError:
        return None


def _app(graph: Graph, planned: Plan) -> App:
    program = planned.program
    if not program.inputs or not program.outputs:
        raise BadInputError(f"{program.name}: has {len(program.inputs)} inputs and {len(program.outputs)} outputs")
    elements, classes = prod(program.inputs[0].shape), prod(program.outputs[0].shape)
    return App.model_validate(
        {
            "manifest_path": Path(MANIFEST),
            "schema": 1,
            "name": "full",
            "kind": "characters",
            "model": f"{program.name}.tflite",
            "labels": tuple(f"class {i}" for i in range(classes)),
            "front_end": None if METADATA_KEY in graph.metadata else _rows(elements),
        }
    )


def _rows(elements: int) -> dict[str, object]:
    """A front end that hands rows to the model as they are."""
    columns = next(n for n in range(min(_COLUMNS_MOST, elements), 0, -1) if elements % n == 0)
    return {
        "kind": "sensor",
        "channels": tuple(f"c{i}" for i in range(columns)),
        "row_interval_ms": _ROW_INTERVAL_MS,
        "offset": (0.0,) * columns,
        "scale": (1.0,) * columns,
        "window_frames": elements // columns,
        "hop_rows": elements // columns,
    }
