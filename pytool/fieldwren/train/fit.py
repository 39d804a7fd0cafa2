"""The training loop: AdamW on a cosine schedule, the same weights from the same seed on the same machine."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from fieldwren.train import loop
from fieldwren.train.all_words import AllWords, embedding_of
from fieldwren.train.checkpoint import Checkpoint, Epoch
from fieldwren.train.distil import Lesson, soft_loss
from fieldwren.train.vary import mixup


@dataclass(frozen=True)
class Optimisation:
    """Hyper-parameters of one training run."""

    epochs: int
    batch_size: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4
    label_smoothing: float = 0.0
    mixup: float = 0.0  # see vary.mixup; 0: examples are not mixed


def prepare(seed: int, threads: int = 2) -> None:
    """Seeds Python, NumPy and TensorFlow, limits TensorFlow to `threads` and asks it for deterministic kernels.

    Keras forgets the layers it made before, so that the names in the model do not depend on them.
    """
    logging.getLogger("absl").setLevel(logging.ERROR)  # advice to TensorFlow's developers, not to the user
    tf.get_logger().setLevel(logging.ERROR)
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    # The thread pools can only be set before TensorFlow's first operation; a later call keeps what is there.
    if not tf.config.threading.get_intra_op_parallelism_threads():
        try:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
        except RuntimeError:
            return


def fit(
    model: keras.Model,
    inputs: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    classes: int,
    options: Optimisation,
    *,
    weights: npt.NDArray[np.float32] | None = None,
    lesson: Lesson | None = None,
    words: AllWords | None = None,
    checkpoint: Checkpoint | None = None,
    seed: int = 0,
    vary: Callable[[npt.NDArray[np.float32], np.random.Generator], npt.NDArray[np.float32]] | None = None,
    progress: Callable[[str], None] | None = None,
    tick: Callable[[float], None] | None = None,
) -> list[Epoch]:
    """Trains `model` in place on `inputs` [n, *shape] and `labels` [n]; `weights` [n] scales the loss per example.

    `vary` changes a batch of inputs before the model sees it. With a `lesson` the model learns from a teacher, with
    `words` to tell all words apart, too (a network that answers frame by frame does not). Seed, checkpoint, progress and
    what is returned: see loop.run.
    """
    steps = loop.steps_of(len(inputs), options.batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(options.learning_rate, options.epochs * steps)
    optimiser = keras.optimizers.AdamW(schedule, weight_decay=options.weight_decay)
    namer = None if words is None or embedding_of(model) is None else words.layer(embedding_of(model).shape[1])
    network = model if namer is None else keras.Model(model.input, [model.output, embedding_of(model)])
    trainable = [*model.trainable_variables, *([] if namer is None else namer.trainable_variables)]
    optimiser.build(trainable)
    loss_of = keras.losses.CategoricalCrossentropy(label_smoothing=options.label_smoothing)
    softened = None if lesson is None else lesson.softened()

    @tf.function  # type: ignore[untyped-decorator]
    def update(batch: Any, targets: Any, importance: Any, answers: Any, named: Any) -> Any:
        with tf.GradientTape() as tape:
            made = network(batch, training=True)
            outputs = made if namer is None else made[0]
            loss = loss_of(targets, outputs, sample_weight=importance)
            if lesson is not None:
                loss = (1 - lesson.weight) * loss + soft_loss(lesson, answers, outputs, importance)
            if namer is not None and words is not None:
                loss += words.loss(named, namer(made[1]))
            total = tf.add_n([loss, *model.losses])
        optimiser.apply(tape.gradient(total, trainable))
        correct = tf.reduce_mean(tf.cast(tf.argmax(outputs, 1) == tf.argmax(targets, 1), tf.float32))
        return tf.stack([total, correct])

    importance = np.ones(len(inputs), np.float32) if weights is None else weights
    one_hot = np.eye(classes, dtype=np.float32)
    names = None if namer is None or words is None else words.targets()

    def step(chosen: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.floating]:
        nothing = np.zeros((len(chosen), 0), np.float32)
        parts = [inputs[chosen] if vary is None else vary(inputs[chosen], rng), one_hot[labels[chosen]]]
        parts += [importance[chosen], nothing if softened is None else softened[chosen]]
        parts.append(nothing if names is None or words is None else names[words.labels[chosen]])
        made: npt.NDArray[np.floating] = update(
            *(mixup(parts, options.mixup, rng) if options.mixup > 0 else parts)
        ).numpy()
        return made

    return loop.run(
        step,
        [*model.variables, *([] if namer is None else namer.variables), *optimiser.variables],
        examples=len(inputs),
        batch_size=options.batch_size,
        epochs=options.epochs,
        seed=seed,
        checkpoint=checkpoint,
        progress=progress,
        tick=tick,
    )


def predict(model: keras.Model, inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Outputs in float, of classifiers class probabilities [n, classes]."""
    return np.asarray(model.predict(inputs, batch_size=512, verbose=0), np.float32)
