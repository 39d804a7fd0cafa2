"""Networks from their tables, and what becomes of them on a device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from fieldwren.core import PORTABLE
from fieldwren.errors import BadInputError
from fieldwren.ops.lowering import lower
from fieldwren.plan import plan
from fieldwren.runtime import Interpreter
from fieldwren.steps import Steps
from fieldwren.tflite.reader import read_bytes
from fieldwren.train import models, quantise
from fieldwren.train.step import StepGraph
from fieldwren.train.step import to_int8 as step_to_int8
from fieldwren.train.zoo import tables
from fieldwren.train.zoo.crnn import crnn
from fieldwren.train.zoo.crnn import step_graph as crnn_step
from fieldwren.train.zoo.mobilenet_audio import mobilenet_audio
from fieldwren.train.zoo.ssm import ssm
from fieldwren.train.zoo.ssm import step_graph as ssm_step
from fieldwren.train.zoo.tcn import tcn

Float = npt.NDArray[np.float32]


def build(table: tables.Model, shape: Sequence[int], classes: int, *, rows: int = 1) -> keras.Model:
    """The untrained network of `table` for inputs of `shape`: [frames, coefficients, 1], or [values].

    `rows` are the rows in a window of [values]. Raises BadInputError where the network has no form of that shape.
    """
    options: dict[str, Any] = table.model_dump(exclude={"kind"})
    match table:
        case tables.Mlp():
            return models.mlp(shape[0], classes, **options)
        case tables.Logistic():
            return models.mlp(shape[0], classes, hidden=(), **options)
        case tables.Tcn():
            return tcn(rows, shape[0] // rows, classes, **options)
        case tables.DsCnn():
            return models.ds_cnn(shape[0], shape[1], classes, **options)
        case tables.DsCnnStream():
            return models.ds_cnn_stream(shape[0], shape[1], classes, **options)
        case tables.MobilenetAudio():
            return mobilenet_audio(shape[0], shape[1], classes, **options)
        case tables.Crnn():
            return crnn(shape[0], shape[1], classes, **options)
        case tables.Ssm():
            if table.frames_per_step > shape[0]:
                raise BadInputError(f"a step of {table.frames_per_step} frames does not fit windows of {shape[0]}")
            return ssm(shape[0], shape[1], classes, **options)


def steps_of(table: tables.Model, frames: int) -> Steps | None:
    """For windows of `frames`; None for a network that takes a window at once."""
    match table:
        case tables.Ssm():
            return Steps(frames // table.frames_per_step, table.frames_per_step, "last")
        case tables.Crnn():
            return Steps(frames, 1, "events")
    return None


def step_graph(table: tables.Model, model: keras.Model) -> StepGraph:
    """What one step of a network with a state computes."""
    return ssm_step(model) if isinstance(table, tables.Ssm) else crnn_step(model)


def to_int8(table: tables.Model, model: keras.Model, calibration: Float) -> bytes:
    """The .tflite of a network from `build`: one inference a window, or one a step (`steps_of`)."""
    steps = steps_of(table, calibration.shape[1])
    if steps is None:
        return quantise.to_int8(model, calibration)
    return step_to_int8(step_graph(table, model), stepwise(calibration, steps))


def macs(content: bytes) -> int:
    """Multiply-accumulates of one inference of a .tflite."""
    return lower(read_bytes(content, "model"), PORTABLE).macs


def stepwise(features: Float, steps: Steps) -> Float:
    """[n, steps, frames a step, …] of windows [n, frames, …]; frames that are over at the front are left out."""
    kept = features[:, features.shape[1] - steps.window_frames :]
    return kept.reshape(len(features), steps.count, steps.frames, *features.shape[2:])


def run_int8(table: tables.Model, content: bytes, features: Float) -> Float:
    """Probabilities [n, classes] of windows `features` [n, frames, …] or rows, by the C code that devices run."""
    steps = steps_of(table, features.shape[1])
    if steps is None:
        return quantise.run_int8(content, features)
    made: Float = steps.answered(run_steps(content, stepwise(features, steps)))
    return made


def run_steps(content: bytes, sequences: Float) -> Float:
    """Outputs [n, steps, values] of a step model over `sequences` [n, steps, …], each from a fresh state."""
    interpreter = Interpreter(plan(lower(read_bytes(content, "model"), PORTABLE)))
    (source,), (target,) = interpreter.plan.program.inputs, interpreter.plan.program.outputs
    limits = np.iinfo(source.dtype)
    wide = np.round(sequences / np.float32(source.scale)) + source.zero_point
    inputs = np.clip(wide, limits.min, limits.max).astype(source.dtype)
    made = []
    for sequence in inputs:
        interpreter.reset()
        made.append([interpreter.invoke([row.reshape(source.shape)])[0].reshape(-1) for row in sequence])
    outputs: Float = (np.array(made).astype(np.float32) - target.zero_point) * np.float32(target.scale)
    return outputs
