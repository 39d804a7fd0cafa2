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

    Every epoch has a new order, drawn from `seed`, whose beginning fills up the last batch. A loop of our own, because
    Keras's, when it is to be deterministic, takes twice the time for a network as small as these.

    `vary` changes a batch of inputs before the model sees it. With a `lesson` the model learns from a teacher, with
    `words` to tell all words apart, too (a network that answers frame by frame does not). What
    a `checkpoint` holds is taken up, and every epoch is stored there: the bits are those of one uninterrupted run. `tick`
    is told the share that is done. Returns all epochs.
    """
    size = min(options.batch_size, len(inputs))
    steps = -(-len(inputs) // size)
    schedule = keras.optimizers.schedules.CosineDecay(options.learning_rate, options.epochs * steps)
    optimiser = keras.optimizers.AdamW(schedule, weight_decay=options.weight_decay)
    namer = None if words is None or embedding_of(model) is None else words.layer(embedding_of(model).shape[1])
    network = model if namer is None else keras.Model(model.input, [model.output, embedding_of(model)])
    trainable = [*model.trainable_variables, *([] if namer is None else namer.trainable_variables)]
    optimiser.build(trainable)
    loss_of = keras.losses.CategoricalCrossentropy(label_smoothing=options.label_smoothing)
    softened = None if lesson is None else lesson.softened()

    def step(batch: Any, targets: Any, importance: Any, answers: Any, named: Any) -> Any:
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

    compiled = tf.function(step)
    importance = np.ones(len(inputs), np.float32) if weights is None else weights
    one_hot = np.eye(classes, dtype=np.float32)
    names = None if namer is None or words is None else words.targets()
    variables = [*model.variables, *([] if namer is None else namer.variables), *optimiser.variables]
    history = [] if checkpoint is None else checkpoint.restore(variables)
    for epoch in range(len(history), options.epochs):
        order = np.resize(np.random.default_rng([seed, epoch]).permutation(len(inputs)), (steps, size))
        sums = np.zeros(2)
        for number, chosen in enumerate(order):
            rng = np.random.default_rng([seed, epoch, number])
            batch = inputs[chosen] if vary is None else vary(inputs[chosen], rng)
            nothing = np.zeros((size, 0), np.float32)
            parts = [batch, one_hot[labels[chosen]], importance[chosen]]
            parts.append(nothing if softened is None else softened[chosen])
            parts.append(nothing if names is None or words is None else names[words.labels[chosen]])
            sums += compiled(*(mixup(parts, options.mixup, rng) if options.mixup > 0 else parts)).numpy()
            if tick is not None:
                tick((epoch + (number + 1) / steps) / options.epochs)
        loss, accuracy = sums / steps
        history.append(Epoch(float(loss), float(accuracy)))
        if checkpoint is not None:
            checkpoint.save(variables, history)
        if progress is not None:
            progress(f"epoch {epoch + 1}/{options.epochs}: loss {loss:.4f} accuracy {accuracy:.4f}")
    return history


def fit_values(
    model: keras.Model,
    inputs: npt.NDArray[np.float32],
    wanted: npt.NDArray[np.float32],
    options: Optimisation,
    *,
    progress: Callable[[str], None] | None = None,
) -> None:
    """Trains `model` in place to give `wanted` [n, *outputs] for `inputs` [n, *shape], by the mean squared error."""
    steps = options.epochs * -(-len(inputs) // options.batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(options.learning_rate, steps)
    model.compile(optimizer=keras.optimizers.AdamW(schedule, weight_decay=options.weight_decay), loss="mse")

    def report(epoch: int, logs: dict[str, float] | None) -> None:
        if progress is not None and logs is not None and (epoch + 1) % max(1, options.epochs // 10) == 0:
            progress(f"epoch {epoch + 1}/{options.epochs}: mean squared error {logs['loss']:.6f}")

    model.fit(
        inputs,
        wanted,
        batch_size=options.batch_size,
        epochs=options.epochs,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=report)],
    )


def predict(model: keras.Model, inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Outputs in float, of classifiers class probabilities [n, classes]."""
    return np.asarray(model.predict(inputs, batch_size=512, verbose=0), np.float32)
