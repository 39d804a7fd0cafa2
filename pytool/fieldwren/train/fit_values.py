"""Training networks whose outputs are values, not classes: the same loop, by the mean squared error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from fieldwren.train import loop
from fieldwren.train.checkpoint import Checkpoint, Epoch
from fieldwren.train.fit import Optimisation
from fieldwren.train.vary import mixup

Float = npt.NDArray[np.float32]


def fit_values(
    model: keras.Model,
    inputs: Float,
    wanted: Float,
    options: Optimisation,
    *,
    checkpoint: Checkpoint | None = None,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
    tick: Callable[[float], None] | None = None,
) -> list[Epoch]:
    """Trains `model` in place to give `wanted` [n, *outputs] for `inputs` [n, *shape]; the rest as `fit.fit` has it."""
    steps = loop.steps_of(len(inputs), options.batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(options.learning_rate, options.epochs * steps)
    optimiser = keras.optimizers.AdamW(schedule, weight_decay=options.weight_decay)
    optimiser.build(model.trainable_variables)

    @tf.function  # type: ignore[untyped-decorator]
    def update(batch: Any, goal: Any) -> Any:
        with tf.GradientTape() as tape:
            error = tf.reduce_mean(tf.square(model(batch, training=True) - goal))
            loss = tf.add_n([error, *model.losses])
        optimiser.apply(tape.gradient(loss, model.trainable_variables))
        return loss

    def step(chosen: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.floating]:
        parts = [inputs[chosen], wanted[chosen]]
        parts = mixup(parts, options.mixup, rng) if options.mixup > 0 else parts
        return np.array([update(*parts).numpy()])

    return loop.run(
        step,
        [*model.variables, *optimiser.variables],
        examples=len(inputs),
        batch_size=options.batch_size,
        epochs=options.epochs,
        seed=seed,
        checkpoint=checkpoint,
        progress=progress,
        tick=tick,
    )
