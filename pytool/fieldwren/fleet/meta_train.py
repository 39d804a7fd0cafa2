"""`fieldwren fleet meta-train`: serial Reptile over a whole Keras network, on the gateway.

Devices train heads; a start from which the whole network adapts within a few samples is found where there is room for it.
For each task in turn: copy the weights, take `inner_steps` steps of gradient descent on batches of the task's samples, and
move the weights towards where they led by a step that falls from `outer_step` to 0 (Nichol, Achiam, Schulman 2018,
arXiv 1803.02999; TinyReptile, arXiv 2304.05201, is the same with batches of one).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldwren.errors import BadInputError, MissingToolError
from fieldwren.files import written_whole

_CHUNK = 500
"""Tasks that one call of the compiled loop works through."""


@dataclass(frozen=True)
class MetaTrainResult:
    """Mean loss after adaptation of the first and the last tenth of all tasks, on the samples they were adapted with."""

    tasks: int
    inner_steps: int
    loss_first: float
    loss_last: float
    parameters: int


def meta_train(
    model: Path,
    tasks: Path,
    out: Path,
    *,
    iterations: int = 30_000,
    inner_steps: int = 8,
    inner_lr: float = 0.02,
    outer_step: float = 1.0,
    batch: int = 1,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> MetaTrainResult:
    """Meta-trains a .keras file on a .npz of tasks and writes another .keras file.

    The tasks: `x` float32 [tasks, samples, *input], `y` [tasks, samples] integers (classes, from logits or probabilities as
    the last layer gives them) or float32 [tasks, samples, outputs] (squared error). Raises BadInputError for other arrays.
    """
    if util.find_spec("tensorflow") is None:
        raise MissingToolError("fleet meta-train needs TensorFlow: pip install 'fieldwren[train]'")
    try:
        with np.load(tasks) as arrays:
            x, y = arrays["x"].astype(np.float32), arrays["y"]
    except (OSError, ValueError, KeyError) as error:
        raise BadInputError(f"{tasks}: must be an .npz with the arrays x and y, see docs/fleet.md") from error
    if x.ndim < 3 or x.shape[:2] != y.shape[:2]:
        raise BadInputError(f"{tasks}: x {list(x.shape)} and y {list(y.shape)} must both begin with tasks, samples")
    import keras

    try:
        network = keras.models.load_model(model, compile=False)
    except (OSError, ValueError) as error:
        raise BadInputError(f"{model}: is no Keras model: {str(error).splitlines()[0]}") from error
    result = reptile(network, x, y, iterations, inner_steps, inner_lr, outer_step, batch, seed, progress)
    with written_whole(out) as temporary:
        saved = temporary.with_suffix(".keras")
        network.save(saved)
        saved.replace(temporary)
    return result


def reptile(
    network: Any,
    x: npt.NDArray[np.float32],
    y: npt.NDArray[Any],
    iterations: int,
    inner_steps: int,
    inner_lr: float,
    outer_step: float = 1.0,
    batch: int = 1,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> MetaTrainResult:
    """The same for a network in memory, which is changed in place; every iteration takes the next task, around and around."""
    import tensorflow as tf

    run = _compiled(network, inner_steps, np.issubdtype(y.dtype, np.integer))
    rng = np.random.default_rng(seed)
    weights = [variable.value for variable in network.trainable_variables]
    losses: list[npt.NDArray[np.float32]] = []
    for start in range(0, iterations, _CHUNK):
        numbers = np.arange(start, min(start + _CHUNK, iterations))
        chosen = numbers % len(x)
        order = np.stack([_order(rng, x.shape[1], inner_steps * batch) for _ in numbers])
        order = order.reshape(len(numbers), inner_steps, batch)
        rates = (outer_step * (1 - numbers / iterations)).astype(np.float32)
        xs, ys = x[chosen[:, None, None], order], y[chosen[:, None, None], order]
        weights, loss = run(
            weights, tf.constant(xs), tf.constant(ys), tf.constant(rates), tf.constant(inner_lr, tf.float32)
        )
        losses.append(np.asarray(loss))
        if progress is not None:
            progress(f"{numbers[-1] + 1} of {iterations} tasks: loss {losses[-1].mean():.4f}")
    for variable, value in zip(network.trainable_variables, weights, strict=True):
        variable.assign(value)
    whole = np.concatenate(losses)
    tenth = max(1, len(whole) // 10)
    return MetaTrainResult(
        iterations,
        inner_steps,
        float(whole[:tenth].mean()),
        float(whole[-tenth:].mean()),
        sum(int(np.prod(variable.shape)) for variable in network.trainable_variables),
    )


def adapted_outputs(
    network: Any,
    x: npt.NDArray[np.float32],
    y: npt.NDArray[Any],
    tests: npt.NDArray[np.float32],
    steps: int,
    rate: float,
    batch: int = 1,
) -> npt.NDArray[np.float32]:
    """Outputs [tasks, n, *] for `tests` [tasks, n, *] after `steps` on each task's x and y, taken in turn; as in training."""
    import tensorflow as tf

    call, loss_of = _functions(network, np.issubdtype(y.dtype, np.integer))
    start = [variable.value for variable in network.trainable_variables]

    @tf.function(jit_compile=True)  # type: ignore[untyped-decorator, unused-ignore]
    def one(xs: Any, ys: Any, questions: Any) -> Any:
        weights = start
        for step in range(steps):
            at = [(step * batch + i) % xs.shape[0] for i in range(batch)]
            weights, _ = _descended(call, loss_of, weights, tf.gather(xs, at), tf.gather(ys, at), rate)
        return call(weights, questions)

    made = [
        np.asarray(one(tf.constant(a), tf.constant(b), tf.constant(c))) for a, b, c in zip(x, y, tests, strict=True)
    ]
    return np.stack(made).astype(np.float32)


def _order(rng: np.random.Generator, samples: int, count: int) -> npt.NDArray[np.int64]:
    """`count` sample numbers: each once before any comes again."""
    rounds = -(-count // samples)
    return np.concatenate([rng.permutation(samples) for _ in range(rounds)])[:count]


def _functions(network: Any, is_classes: bool) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """(outputs of weights and inputs, mean loss of labels and outputs). Batch statistics stay as they are."""
    import keras

    frozen = [variable.value for variable in network.non_trainable_variables]

    def call(weights: Any, inputs: Any) -> Any:
        outputs, _ = network.stateless_call(weights, frozen, inputs, training=False)
        return outputs

    last = network.layers[-1]
    is_logits = getattr(getattr(last, "activation", None), "__name__", "") not in ("softmax", "sigmoid")
    if is_classes:
        loss: Any = keras.losses.SparseCategoricalCrossentropy(from_logits=is_logits)
    else:
        loss = keras.losses.MeanSquaredError()
    return call, loss


def _descended(
    call: Callable[..., Any], loss_of: Callable[..., Any], weights: Any, inputs: Any, wanted: Any, rate: Any
) -> tuple[list[Any], Any]:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(weights)
        loss = loss_of(wanted, call(weights, inputs))
    gradients = tape.gradient(loss, weights)
    return [weight - rate * gradient for weight, gradient in zip(weights, gradients, strict=True)], loss


def _compiled(network: Any, inner_steps: int, is_classes: bool) -> Callable[..., tuple[list[Any], Any]]:
    """(weights, x [n, steps, batch, *], y, outer rates [n], inner rate) → (weights after n tasks, loss after each)."""
    import tensorflow as tf

    call, loss_of = _functions(network, is_classes)

    def run(weights: Any, xs: Any, ys: Any, rates: Any, inner_rate: Any) -> Any:
        losses = tf.TensorArray(tf.float32, size=tf.shape(rates)[0])

        def body(number: Any, now: Any, losses: Any) -> Any:
            there = list(now)
            for step in range(inner_steps):
                there, _ = _descended(call, loss_of, there, xs[number, step], ys[number, step], inner_rate)
            seen, said = tf.concat(tf.unstack(xs[number]), 0), tf.concat(tf.unstack(ys[number]), 0)
            losses = losses.write(number, loss_of(said, call(there, seen)))
            moved = [old + rates[number] * (new - old) for old, new in zip(now, there, strict=True)]
            return number + 1, moved, losses

        count = tf.shape(rates)[0]
        _, after, losses = tf.while_loop(lambda n, *_: n < count, body, (tf.constant(0), list(weights), losses))
        return after, losses.stack()

    compiled: Callable[..., tuple[list[Any], Any]] = tf.function(run, jit_compile=True)
    return compiled
