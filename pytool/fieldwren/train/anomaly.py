"""Training the anomaly example: an autoencoder of normal rows, and what its errors usually are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldwren.anomaly import ANOMALY_KEY, Anomaly, posteriors_of, scores_of
from fieldwren.app_rows import tables_in
from fieldwren.core import PORTABLE
from fieldwren.errors import BadInputError
from fieldwren.faults import KINDS, auroc, faulty_tables
from fieldwren.features import SensorFrontEnd, row_windows
from fieldwren.learn.factory import HEAD_KEY, StoredEmbeddings, statistics_of
from fieldwren.ops.lowering import lower
from fieldwren.plan import plan
from fieldwren.rows import read_rows
from fieldwren.runtime import Interpreter
from fieldwren.tflite.reader import read_bytes
from fieldwren.train.recipe import AnomalyRecipe
from fieldwren.train.regression import embeddings_of
from fieldwren.train.session import Network, begin
from fieldwren.train.trained import Request, Trained

Float = npt.NDArray[np.float32]
Rows = npt.NDArray[np.float64]
METRIC = "AUROC of rows with injected faults (fieldwren.faults) against rows without, mean over the kinds of fault"
LABELS = ("normal", "anomaly")


def train(recipe: AnomalyRecipe, request: Request) -> Trained:
    """A dense autoencoder on every table but `request.hold_out`, without which the last fifth of each is measured on."""
    if request.without_classes:
        raise BadInputError("anomaly has no classes to leave out")
    from fieldwren.train import fit, fit_values, models, quantise

    kept, held, measured_on = _split(recipe, request)
    front_end = SensorFrontEnd.fit(
        np.concatenate(kept),
        channels=recipe.channels,
        row_interval_ms=recipe.row_interval_ms,
        difference_rows=recipe.difference_rows,
        activity_rows=recipe.activity_rows,
        clip=recipe.clip,
        missing_limit=recipe.missing_limit,
    )
    inputs = np.concatenate([_inputs(front_end, rows) for rows in kept])
    if not len(inputs):
        raise BadInputError(
            f"{request.data}: no row is left to train on, after {front_end.first_window_rows} to begin with"
        )
    fit.prepare(request.seed)
    model = autoencoder(inputs.shape[1], recipe.model.hidden, recipe.model.noise)
    network = Network(
        recipe.model.kind,
        models.parameters(model),
        front_end,
        inputs.shape[1:],
        lambda values: quantise.to_int8(model, values),
    )
    session = begin(recipe, request, network, (inputs, *held), len(inputs))
    history = fit_values.fit_values(
        model,
        inputs,
        inputs,
        fit.Optimisation(**recipe.optimise.model_dump()),
        checkpoint=session.run.checkpoint(),
        seed=request.seed,
        progress=session.say,
        tick=request.tick,
    )
    # The corners of the range too, so that what is no longer normal does not saturate.
    content = quantise.to_int8(model, _calibration(inputs, recipe.clip, request.seed))
    anomaly = measure_of(inputs - _int8(content, inputs), recipe)
    float_figures = _figures(front_end, held, lambda x: fit.predict(model, x), anomaly, None)
    int8_figures = _figures(front_end, held, None, anomaly, content)
    embeddings = embeddings_of(content, inputs)
    mean, gain = statistics_of(embeddings)
    return Trained(
        content=content,
        front_end=front_end,
        labels=list(LABELS),
        params=network.params,
        macs=models.multiply_accumulates(model),
        measured_on=measured_on,
        test_count=sum(len(rows) for rows in held),
        metric=METRIC,
        float_accuracy=float(np.mean(list(float_figures.values()))),
        int8_accuracy=float(np.mean(list(int8_figures.values()))),
        figures=session.figures | {f"int8_auroc_{kind}": round(value, 4) for kind, value in int8_figures.items()},
        metadata={HEAD_KEY: StoredEmbeddings(mean, gain).to_json(), ANOMALY_KEY: anomaly.to_json()},
        history=history,
    )


def autoencoder(width: int, hidden: Sequence[int], noise: float) -> Any:
    """Fully connected, ReLU between the layers, a linear one at the end; trained to undo `noise` on its input."""
    import keras
    from keras import layers

    inputs = keras.Input((width,), name="readings")
    x = layers.GaussianNoise(noise)(inputs)
    for units in hidden:
        x = layers.Dense(units, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(width, name="copy")(x), name="autoencoder")


def measure_of(residuals: Float, recipe: AnomalyRecipe) -> Anomaly:
    """Whitening of the residuals [n, width] of normal rows, and the error that all but `recipe.alarms` of them stay below.

    The whitening is the inverse of the Cholesky factor of their covariance, to which `recipe.ridge` of its mean variance
    is added.
    """
    covariance = np.cov(residuals.T.astype(np.float64))
    covariance += (residuals.mean(axis=0)[:, None] * residuals.mean(axis=0)).astype(np.float64)
    covariance += recipe.ridge * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    whitening = np.linalg.inv(np.linalg.cholesky(covariance)).astype(np.float32)
    errors = np.square(residuals @ whitening.T).mean(axis=1)
    return Anomaly(float(f"{np.quantile(errors, 1 - recipe.alarms):.6g}"), whitening)


def _split(recipe: AnomalyRecipe, request: Request) -> tuple[list[Rows], list[Rows], str]:
    tables = {path.stem: read_rows(path, recipe.channels) for path in tables_in(request.data)}
    if request.hold_out is None:
        cuts = {name: round(0.8 * len(rows)) for name, rows in tables.items()}
        kept = [rows[: cuts[name]] for name, rows in tables.items()]
        return kept, [rows[cuts[name] :] for name, rows in tables.items()], "the last fifth in time of every file"
    if request.hold_out not in tables or len(tables) < 2:
        raise BadInputError(f"cannot hold out {request.hold_out!r}: the data have {', '.join(tables)}")
    kept = [rows for name, rows in tables.items() if name != request.hold_out]
    return kept, [tables[request.hold_out]], request.hold_out


def _inputs(front_end: SensorFrontEnd, rows: Rows) -> Float:
    windows = row_windows(front_end, rows).inputs
    return windows.reshape(len(windows), -1).astype(np.float32)


def _calibration(inputs: Float, clip: tuple[float, float], seed: int) -> Float:
    chosen = np.random.default_rng([seed, 2]).permutation(len(inputs))[:1000]
    corners = np.where(np.random.default_rng([seed, 3]).random((50, inputs.shape[1])) < 0.5, *map(np.float32, clip))
    return np.concatenate([inputs[np.sort(chosen)], corners.astype(np.float32)])


def _int8(content: bytes, inputs: Float) -> Float:
    from fieldwren.train import quantise

    return quantise.run_int8(content, inputs)


def _figures(
    front_end: SensorFrontEnd, held: Sequence[Rows], predict: Any, anomaly: Anomaly, content: bytes | None
) -> dict[str, float]:
    """AUROC by kind of fault: of the float network's errors, or of the int8 one's as the device computes them."""
    scores: dict[str, list[npt.NDArray[np.float64]]] = {kind: [] for kind in KINDS}
    truth: dict[str, list[npt.NDArray[np.bool_]]] = {kind: [] for kind in KINDS}
    interpreter = None if content is None else Interpreter(plan(lower(read_bytes(content, "model"), PORTABLE)))
    for rows in held:
        for faulty in faulty_tables(rows):
            if interpreter is None:
                windows = row_windows(front_end, faulty.rows)
                inputs = windows.inputs.reshape(len(windows.inputs), -1).astype(np.float32)
                assert anomaly.whitening is not None
                errors = np.square((inputs - predict(inputs)) @ anomaly.whitening.T).mean(axis=1).astype(np.float64)
            else:
                port, target = interpreter.plan.program.inputs[0], interpreter.plan.program.outputs[0]
                windows = row_windows(front_end, faulty.rows, np.dtype(port.dtype), port.scale, port.zero_point)
                copies = np.stack([interpreter.invoke([row.reshape(port.shape)])[0] for row in windows.inputs])
                errors = scores_of(posteriors_of(anomaly, port, windows.inputs, copies, target), anomaly)
            scores[faulty.kind].append(errors)
            truth[faulty.kind].append(faulty.is_faulty[windows.last_row])
    return {kind: auroc(np.concatenate(scores[kind]), np.concatenate(truth[kind])) for kind in KINDS if scores[kind]}
