"""Learning from a teacher: its soft answers beside the hard labels (arXiv 1503.02531)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from fieldwren.errors import BadInputError

Float = npt.NDArray[np.float32]
_FLOOR = 1e-7


@dataclass(frozen=True)
class Lesson:
    """`answers` [n, classes] are the teacher's probabilities for the n training inputs.

    A student's loss is (1 − weight) times that of the labels plus weight·temperature² times the cross-entropy with the
    teacher's answers, both softened by `temperature`; the square keeps the gradient's size whatever the temperature.
    """

    answers: Float
    temperature: float
    weight: float

    def softened(self) -> Float:
        """`answers` at the temperature: p^(1/T), normalised, which is what dividing the logits by T gives."""
        powers = np.maximum(self.answers, _FLOOR) ** (1 / self.temperature)
        made: Float = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
        return made


def soft_loss(lesson: Lesson, wanted: Any, outputs: Any, importance: Any) -> Any:
    """weight·T²·mean(importance · cross-entropy of the softened answers `wanted` and the student's `outputs`)."""
    logits = tf.math.log(tf.maximum(outputs, _FLOOR)) / lesson.temperature
    entropy = tf.nn.softmax_cross_entropy_with_logits(wanted, logits)
    return lesson.weight * lesson.temperature**2 * tf.reduce_mean(importance * entropy)


def load_teacher(path: Path, shape: tuple[int, ...], classes: int) -> keras.Model:
    """A Keras classifier for inputs of `shape`, from a .keras or .h5 file.

    Raises BadInputError for a file that is none, or for one of other inputs or outputs.
    """
    from fieldwren.train.teacher import transformer  # noqa: F401 - registers the layers of saved teachers

    if not path.is_file():
        raise BadInputError(f"teacher {path}: there is no such file; a teacher is a .keras file, or 'transformer'")
    try:
        model = keras.models.load_model(path, compile=False)
    except Exception as error:
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise BadInputError(f"teacher {path}: is no Keras model that can be read: {reason[:300]}") from error
    given, made = model.input_shape, model.output_shape
    if not isinstance(given, tuple) or tuple(given[1:]) != shape or tuple(made[1:]) != (classes,):
        raise BadInputError(
            f"teacher {path}: takes {list(given[1:]) if isinstance(given, tuple) else 'several inputs'} and gives "
            f"{list(made[1:]) if isinstance(made, tuple) else 'several outputs'}; the student has {list(shape)} and [{classes}]"
        )
    return model


def probabilities(teacher: keras.Model, inputs: Float) -> Float:
    """[n, classes] of `inputs` [n, *shape]; logits, which a teacher may give as well, become probabilities."""
    made = np.asarray(teacher.predict(inputs, batch_size=256, verbose=0), np.float32)
    if np.all(made >= 0) and np.allclose(made.sum(axis=1), 1, atol=1e-3):
        return made
    exponentials = np.exp(made - made.max(axis=1, keepdims=True))
    softmax: Float = exponentials / exponentials.sum(axis=1, keepdims=True)
    return softmax
