"""Training the sine: the features first, each by itself, then the last layer on them by least squares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldwren.core import PORTABLE
from fieldwren.errors import BadInputError
from fieldwren.learn.cut import cut
from fieldwren.learn.factory import HEAD_KEY, StoredEmbeddings, statistics_of
from fieldwren.ops.lowering import lower
from fieldwren.plan import plan
from fieldwren.runtime import Interpreter
from fieldwren.tflite.reader import read_bytes
from fieldwren.train import sine
from fieldwren.train.recipe import RegressionRecipe
from fieldwren.train.session import Network, begin
from fieldwren.train.trained import Request, Trained

Float = npt.NDArray[np.float32]
METRIC = "fraction of answers within the recipe's tolerance of y"


def train(recipe: RegressionRecipe, request: Request) -> Trained:
    """1-64-64-1 or as the recipe says. The data are computed: `request.data` is not looked at."""
    if request.hold_out is not None or request.without_classes:
        raise BadInputError("sine: its rows are computed: there is no group to hold out and no class to leave out")
    from fieldwren.train import fit, fit_values, models, quantise

    fit.prepare(request.seed)
    width = recipe.model.hidden[-1]
    data = sine.data(
        recipe.examples, recipe.domain, recipe.row_interval_ms, width, recipe.model.harmonics, request.seed
    )
    features, whole = mlp(recipe.model.hidden)
    inputs, wanted = data.train
    network = Network(
        recipe.model.kind,
        models.parameters(whole),
        data.front_end,
        inputs.shape[1:],
        lambda values: quantise.to_int8(whole, values),
    )
    session = begin(recipe, request, network, (*data.train, *data.test, data.features), len(inputs))
    history = fit_values.fit_values(
        features,
        inputs,
        data.features,
        fit.Optimisation(**recipe.optimise.model_dump()),
        checkpoint=session.run.checkpoint(),
        seed=request.seed,
        progress=session.say,
        tick=request.tick,
    )
    whole.layers[-1].set_weights(head_of(fit.predict(features, inputs), wanted, recipe.ridge))
    content = quantise.to_int8(whole, inputs[:1000])
    test_inputs, test_wanted = data.test
    answers = {
        "float": fit.predict(whole, test_inputs),
        "int8": quantise.run_int8(content, test_inputs),
    }

    def near(values: Float) -> float:
        return float(np.mean(np.abs(values - test_wanted) <= recipe.tolerance))

    figures = {f"{name}_rmse": round(sine.rmse(values, test_wanted), 5) for name, values in answers.items()}
    figures |= {f"{name}_r2": round(sine.r_squared(values, test_wanted), 6) for name, values in answers.items()}
    embeddings = embeddings_of(content, inputs[:1000])
    mean, gain = statistics_of(embeddings)
    return Trained(
        content=content,
        front_end=data.front_end,
        labels=[sine.OUTPUT],
        params=network.params,
        macs=models.multiply_accumulates(whole),
        measured_on="rows of its own, drawn from the same range of x",
        test_count=len(test_inputs),
        metric=METRIC,
        float_accuracy=near(answers["float"]),
        int8_accuracy=near(answers["int8"]),
        figures=session.figures | figures,
        metadata={HEAD_KEY: StoredEmbeddings(mean, gain).to_json()},
        history=history,
    )


def mlp(hidden: Sequence[int]) -> tuple[Any, Any]:
    """(up to the last hidden layer, with the output behind it): tanh between fully connected layers, one value in and out."""
    import keras
    from keras import layers

    inputs = keras.Input((1,), name="x")
    x = inputs
    for number, width in enumerate(hidden):
        # ReLU has no input of its own to quantise; bends all over -1 … 1 from the start are soon a full period.
        is_last = number == len(hidden) - 1
        spread = keras.initializers.RandomUniform(-1.0, 1.0, seed=number) if number == 0 else None
        x = layers.Dense(
            width,
            activation="tanh" if is_last else "relu",
            kernel_initializer=spread or "glorot_uniform",
            bias_initializer=spread or "zeros",
        )(x)
    return keras.Model(inputs, x, name="features"), keras.Model(
        inputs, layers.Dense(1, name="head")(x), name="sine_mlp"
    )


def head_of(features: Float, wanted: Float, ridge: float) -> list[Float]:
    """Kernel [width, outputs] and bias [outputs] of least squares with a penalty of `ridge` times the features' mean square."""
    x = features.astype(np.float64)
    mean, goal = x.mean(axis=0), wanted.mean(axis=0, dtype=np.float64)
    centred = x - mean
    covariance = centred.T @ centred / len(x)
    covariance += ridge * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    kernel = np.linalg.solve(covariance, centred.T @ (wanted - goal) / len(x))
    return [kernel.astype(np.float32), (goal - mean @ kernel).astype(np.float32)]


def embeddings_of(content: bytes, inputs: Float) -> npt.NDArray[np.int8]:
    """What the backbone of a quantised model gives for float inputs [n, *input shape], by the C code: [n, features]."""
    backbone = plan(lower(cut(read_bytes(content, "model"), is_regression=True).backbone, PORTABLE))
    interpreter, port = Interpreter(backbone), backbone.program.inputs[0]
    limits = np.iinfo(port.dtype)
    integers = np.clip(np.round(inputs / np.float32(port.scale)) + port.zero_point, limits.min, limits.max)
    rows = [interpreter.invoke([row.reshape(port.shape)])[0].ravel() for row in integers.astype(port.dtype)]
    return np.array(rows, np.int8)
