"""Training the characters example: drawings of many alphabets in, an embedding that a new alphabet's characters differ in.

The network learns to tell all characters of the training alphabets apart, each in four rotations as if those were
characters of their own. Its head then keeps only those of one alphabet, which the app can read from the start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldwren.drawings import Drawing, brightened, framed, label_of, read_drawings
from fieldwren.errors import BadInputError
from fieldwren.features import SensorFrontEnd
from fieldwren.learn.factory import HEAD_KEY, StoredEmbeddings, statistics_of
from fieldwren.train import conv4
from fieldwren.train.checkpoint import Epoch
from fieldwren.train.recipe import CharactersRecipe
from fieldwren.train.regression import embeddings_of
from fieldwren.train.session import Network, Session, begin
from fieldwren.train.trained import Request, Trained

Float = npt.NDArray[np.float32]

ROTATIONS = 4
EPISODES, WAYS, SHOTS = 400, 5, 5
REPLAY, GUARD = 4, 1


@dataclass(frozen=True)
class _Set:
    """Drawings [n, 2 * size, 2 * size] with the numbers of their classes."""

    drawings: Float
    labels: npt.NDArray[np.int64]
    classes: list[str]
    names: npt.NDArray[np.str_]


def front_end_of(size: int, row_interval_ms: float) -> SensorFrontEnd:
    """Images as `size` rows of `size` int8 pixels; a window is one image. A pixel's value is its ink, 0 to 1."""
    return SensorFrontEnd(
        channels=tuple(f"x{column:02d}" for column in range(size)),
        element="int8",
        row_interval_ms=row_interval_ms,
        offset=(-128.0,) * size,
        scale=(255.0,) * size,
        window_frames=size,
        hop_rows=size,
    )


def train(recipe: CharactersRecipe, request: Request) -> Trained:
    """conv4 on all alphabets but `request.hold_out`, without which some drawers are kept for measuring."""
    from fieldwren.train import fit, models, quantise

    drawings = read_drawings(request.data)
    left_out = _left_out(drawings, request.without_classes)
    drawings = [drawing for drawing in drawings if drawing.label not in left_out]
    kept, held = _split(drawings, recipe, request.hold_out)
    known = _known_alphabet(kept, recipe.reads)
    training = _set(kept, recipe.size)
    request.say(f"{len(kept)} drawings of {len(training.classes)} characters; it will read {known}")

    fit.prepare(request.seed)
    model, embedding = conv4.conv4(
        recipe.size, ROTATIONS * len(training.classes), filters=recipe.model.filters, dropout=recipe.model.dropout
    )
    reads = sorted({drawing.label for drawing in kept if drawing.alphabet == known})
    read = [training.classes.index(label) for label in reads]
    front_end = front_end_of(recipe.size, recipe.row_interval_ms)
    untrained = _with_head(model, embedding, read)
    network = Network(
        recipe.model.kind,
        models.parameters(untrained),
        front_end,
        (recipe.size, recipe.size, 1),
        lambda values: quantise.to_int8(untrained, values),
    )
    tested = _set(held, recipe.size)
    arrays = (training.drawings, training.labels, tested.drawings, tested.labels)
    session = begin(recipe, request, network, arrays, len(training.drawings))
    history = _fit(model, training, recipe, request, session)
    whole = _with_head(model, embedding, read)
    inputs = _inputs(training.drawings)
    chosen = np.random.default_rng([request.seed, 2]).permutation(len(inputs))[:500]
    content = quantise.to_int8(whole, inputs[chosen])

    test_inputs = _inputs(tested.drawings)
    if request.hold_out is None:
        wanted = np.array([reads.index(label) if label in reads else -1 for label in tested.names])
        test_inputs, wanted = test_inputs[wanted >= 0], wanted[wanted >= 0]
        answers = fit.predict(whole, test_inputs), quantise.run_int8(content, test_inputs)
        accuracies = [float(np.mean(np.argmax(given, axis=1) == wanted)) for given in answers]
        measured_on = (
            f"drawings of {known} by the drawers {', '.join(recipe.test_drawers)}, who are not in the training data"
        )
        metric = "fraction of right answers"
    else:
        rng = np.random.default_rng([request.seed, 3])
        rows = fit.predict(embedding, test_inputs), embeddings_of(content, test_inputs).astype(np.float32)
        accuracies = few_shots(rows, tested.labels, rng)
        measured_on = request.hold_out
        metric = (
            f"{WAYS}-way {SHOTS}-shot accuracy on an alphabet never seen, by the nearest class mean, {EPISODES} draws"
        )
    return Trained(
        content=content,
        front_end=front_end,
        labels=reads,
        params=network.params,
        macs=models.multiply_accumulates(whole),
        measured_on=measured_on,
        test_count=len(test_inputs),
        metric=metric,
        float_accuracy=accuracies[0],
        int8_accuracy=accuracies[1],
        metadata={HEAD_KEY: _stored(content, inputs, training, reads, request.seed).to_json()},
        figures=session.figures,
        history=history,
    )


def _left_out(drawings: list[Drawing], without: tuple[str, ...]) -> set[str]:
    known = {drawing.label for drawing in drawings}
    named = {name: label_of(*name.split("/", 1)) if "/" in name else name for name in without}
    unknown = [name for name, label in named.items() if label not in known]
    if unknown:
        raise BadInputError(
            f"there is no character {unknown[0]!r} to leave out: name ALPHABET/CHARACTER, Latin/character01"
        )
    return set(named.values())


def _split(
    drawings: list[Drawing], recipe: CharactersRecipe, hold_out: str | None
) -> tuple[list[Drawing], list[Drawing]]:
    """(for training, for measuring)."""
    if hold_out is not None:
        kept = [drawing for drawing in drawings if drawing.alphabet != hold_out]
        held = [drawing for drawing in drawings if drawing.alphabet == hold_out]
        if not kept or not held:
            known = ", ".join(sorted({drawing.alphabet for drawing in drawings}))
            raise BadInputError(f"cannot hold out {hold_out!r}: the data have the alphabets {known}")
        return kept, held
    kept = [drawing for drawing in drawings if drawing.drawer not in recipe.test_drawers]
    held = [drawing for drawing in drawings if drawing.drawer in recipe.test_drawers]
    if not kept or not held:
        raise BadInputError(
            f"the files do not say who drew them (NNNN_DD.png, drawers {', '.join(recipe.test_drawers)} are measured on): "
            "use --hold-out ALPHABET"
        )
    return kept, held


def _known_alphabet(drawings: list[Drawing], wanted: str) -> str:
    alphabets = sorted({drawing.alphabet for drawing in drawings})
    return wanted if wanted in alphabets else alphabets[0]


def _set(drawings: list[Drawing], size: int) -> _Set:
    names = np.array([drawing.label for drawing in drawings])
    classes, labels = np.unique(names, return_inverse=True)
    return _Set(
        np.stack([framed(drawing.ink, 2 * size) for drawing in drawings]), labels, [str(c) for c in classes], names
    )


def _inputs(drawings: Float) -> Float:
    return brightened(conv4.halved(drawings))[..., np.newaxis]


def _fit(model: Any, training: _Set, recipe: CharactersRecipe, request: Request, session: Session) -> list[Epoch]:
    """Trains in place, on every drawing in four rotations, distorted anew in every epoch."""
    from fieldwren.train import fit

    turned = np.concatenate([np.rot90(training.drawings, turn, (1, 2)) for turn in range(ROTATIONS)])
    labels = np.concatenate([training.labels + turn * len(training.classes) for turn in range(ROTATIONS)])
    how = conv4.Distortion(**recipe.distortion)
    return fit.fit(
        model,
        turned,
        labels,
        ROTATIONS * len(training.classes),
        fit.Optimisation(**recipe.optimise.model_dump()),
        checkpoint=session.run.checkpoint(),
        seed=request.seed,
        vary=lambda drawings, rng: _inputs(conv4.distorted(drawings, how, rng)),
        progress=session.say,
        tick=request.tick,
    )


def _with_head(model: Any, embedding: Any, classes: list[int]) -> Any:
    """The network with the outputs of `classes` alone, upright."""
    import keras
    from keras import layers

    kernel, bias = model.layers[-1].get_weights()
    outputs = layers.Dense(len(classes), activation="softmax", name="reads")(embedding.output)
    made = keras.Model(embedding.input, outputs, name="conv4")
    made.layers[-1].set_weights([kernel[:, classes], bias[classes]])
    return made


def _stored(content: bytes, inputs: Float, training: _Set, reads: list[str], seed: int) -> StoredEmbeddings:
    """Statistics over all alphabets; embeddings of the characters that are read, to rehearse with."""
    rows = embeddings_of(content, inputs)
    mean, gain = statistics_of(rows)
    rng = np.random.default_rng([seed, 4])
    drawn = {label: rows[rng.permutation(np.flatnonzero(training.names == label))] for label in reads}
    return StoredEmbeddings(
        mean,
        gain,
        {label: found[:REPLAY] for label, found in drawn.items()},
        {label: found[REPLAY : REPLAY + GUARD] for label, found in drawn.items()},
    )


def few_shots(sets: tuple[Float, ...], labels: npt.NDArray[np.int64], rng: np.random.Generator) -> list[float]:
    """Accuracies of the nearest class mean, for each of several embeddings [n, features] of the same drawings.

    WAYS classes and SHOTS drawings of each are drawn EPISODES times; the classes' other drawings are told apart.
    """
    right = np.zeros(len(sets))
    total = 0
    classes = np.unique(labels)
    for _ in range(EPISODES):
        shown, tested = [], []
        for number, chosen in enumerate(rng.permutation(classes)[:WAYS]):
            places = rng.permutation(np.flatnonzero(labels == chosen))
            shown.append(places[:SHOTS])
            tested += [(place, number) for place in places[SHOTS:]]
        places, wanted = np.array(tested, np.int64).reshape(-1, 2).T
        total += len(places)
        for number, rows in enumerate(sets):
            means = np.stack([rows[part].mean(axis=0) for part in shown])
            distances = np.square(rows[places][:, None] - means).sum(axis=-1)
            right[number] += np.sum(distances.argmin(axis=1) == wanted)
    return [float(share) for share in right / max(1, total)]
