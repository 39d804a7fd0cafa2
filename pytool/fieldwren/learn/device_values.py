"""`fieldwren learn` for apps that learn values: a regression from rows that say what is right, an autoencoder from normal rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fieldwren.app_model import AppModel
from fieldwren.app_rows import read_app_rows
from fieldwren.device import DeviceClient
from fieldwren.device.results import Values
from fieldwren.errors import BadInputError
from fieldwren.features import SensorFrontEnd
from fieldwren.learn import device

_PIECES_MOST = 10

Rows = NDArray[np.float32]


@dataclass(frozen=True)
class TeachValuesResult:
    """`metric` says what `before` and `after` are, on the rows that were not taught (`measured_on` "others"), or on those
    that were."""

    app: str
    device: str
    metric: str
    taught: int
    updates: int
    before: float
    after: float
    measured_on: str
    saved: bool


def teach_values(
    app: str | Path,
    csv: str | Path,
    *,
    shots: int,
    label: str | None = None,
    board: str = "host",
    port: str | None = None,
    state: Path | None = None,
) -> TeachValuesResult:
    """Teaches the first `shots` rows of a table, and saves.

    A regression: the rows have a column for each output. An autoencoder: `label` is the name of its first class, and the
    rows are what is normal from now on. Raises BadInputError for too few rows, and for another label.
    """
    with device.connected(app, board=board, port=port, state=state) as (client, model):
        rows = read_app_rows(csv, model)
        start = client.command("learn status")
        if model.anomaly is None:
            metric, before, after, others = _regression(client, model, rows, shots, label)
        else:
            metric, before, after, others = _normal(client, model, rows, shots, label)
        end = device.wait(client)
        return TeachValuesResult(
            app=model.app.name,
            device=client.name,
            metric=metric,
            taught=int(end["taught"]) - int(start["taught"]),
            updates=int(end["updates"]) - int(start["updates"]),
            before=before,
            after=after,
            measured_on="others" if others else "taught",
            saved=device.save(client),
        )


def _regression(
    client: DeviceClient, model: AppModel, rows: Rows, shots: int, label: str | None
) -> tuple[str, float, float, bool]:
    inputs = len(model.row_columns) - len(model.targets)
    known: NDArray[np.bool_] = np.asarray(np.isfinite(rows[:, inputs:]).all(axis=1))
    if label is not None:
        raise BadInputError(f"{model.app.name}: learns values, and has no label {label!r}: leave out --label")
    if known.sum() < shots:
        raise BadInputError(
            f"{model.app.name}: {int(known.sum())} rows say what {', '.join(model.targets)} should be, and {shots} shots need as many"
        )
    last = int(np.flatnonzero(known)[shots - 1]) + 1
    others = bool(known[last:].any())
    tested = rows[last:] if others else rows[:last]

    def error() -> float:
        hidden = tested.copy()
        hidden[:, inputs:] = np.nan
        given = [event.values for event in client.stream(hidden) if isinstance(event, Values)]
        wanted = tested[len(tested) - len(given) :, inputs:]
        squares = np.square(np.array(given) - wanted)
        return float(np.sqrt(np.nanmean(squares)))

    before = error()
    for _ in client.stream(rows[:last]):
        pass
    device.wait(client)
    return "root mean squared error", before, error(), others


def _normal(
    client: DeviceClient, model: AppModel, rows: Rows, shots: int, label: str | None
) -> tuple[str, float, float, bool]:
    front_end = model.front_end
    assert isinstance(front_end, SensorFrontEnd) and model.app.learn is not None
    if label != model.labels[0]:
        raise BadInputError(f"{model.app.name}: only what is normal can be taught: --label {model.labels[0]}")
    first = front_end.first_window_rows
    needed = first + (shots - 1) * front_end.hop_rows
    if len(rows) < needed:
        raise BadInputError(f"{model.app.name}: {shots} shots need {needed} rows, and there are {len(rows)}")
    others = len(rows) >= needed + first
    tested = rows[needed:] if others else rows[:needed]
    starts = np.unique(np.linspace(0, len(tested) - first, min(_PIECES_MOST, len(tested) // first)).astype(int))

    def confidence() -> float:
        found = []
        for start in starts:
            for _ in client.stream(tested[start : start + first]):
                pass
            said = client.command("learn answer")
            share = float(said["confidence"])
            found.append(share if said["label"] == model.labels[1] else 1 - share)
        return float(np.mean(found))

    before = confidence()
    client.command("set teach_below 1")
    for _ in client.stream(rows[:needed]):
        pass
    device.wait(client)
    client.command(f"set teach_below {model.app.learn.teach_below:.6f}")
    return "mean confidence that normal rows are an anomaly", before, confidence(), others
