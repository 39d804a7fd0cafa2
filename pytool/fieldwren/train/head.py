"""Stores embeddings of the training data with a model, so that a learner does not forget what it was trained on.

    python -m fieldwren.train.head examples/digits --data DATA/audio --hold-out theo

writes the metadata `fieldwren.head` into the app's model: mean and gain of every feature, embeddings of each class to
rehearse with and to check updates with, and embeddings of no class. The network stays as it is. `--hold-out` names the
groups that the model was not trained with. `--voices train.toml` takes the synthetic voices of a recipe instead of
recordings, for a model that heard nobody else.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import wave
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fieldwren.app import load_app
from fieldwren.app_model import app_model
from fieldwren.core import PORTABLE
from fieldwren.errors import BadInputError, FieldwrenError
from fieldwren.files import written_whole
from fieldwren.learn.cut import cut
from fieldwren.learn.factory import HEAD_KEY, Embeddings, StoredEmbeddings, StoredShares, statistics_of
from fieldwren.learn.samples import Samples, load_samples
from fieldwren.ops.lowering import lower
from fieldwren.tflite import read_model
from fieldwren.train import recipe, synth
from fieldwren.train.augment import to_pcm
from fieldwren.train.clips import DIGITS, SAMPLE_RATE, Clip

REPLAY, GUARD = 8, 2


def stored_head(app: str | Path, data: Path, hold_out: Sequence[str] = (), seed: int = 0) -> StoredEmbeddings:
    """Statistics and a draw of embeddings of every group below `data` but those held out.

    REPLAY and then GUARD embeddings a class, spread over the groups; classes without recordings get none, but for the
    app's background, which gets what belongs to no class.
    """
    loaded = load_app(app)
    graph = read_model(loaded.model_path)
    made = cut(graph, adapters=loaded.learn is not None and loaded.learn.adapters)
    model = app_model(loaded, graph, lower(graph, PORTABLE))
    groups = load_samples(model, made, data, graph.metadata)
    kept = [samples for samples in groups if samples.group not in hold_out]
    if not kept:
        raise BadInputError(f"{data}: nothing is left without {', '.join(hold_out)}")
    features = made.weights.shape[1]
    embeddings = np.concatenate([samples.embeddings for samples in kept])
    labels = np.concatenate([samples.labels for samples in kept])
    known = np.isin(labels, model.labels)
    mean, gain = statistics_of(embeddings[known])
    rng = np.random.default_rng(seed)
    drawn: dict[str, Embeddings] = {}
    for label in model.labels:
        drawn[label] = _spread([_with_shares(s)[s.labels == label] for s in kept], REPLAY + GUARD, rng)
    others = _spread([_with_shares(s)[~np.isin(s.labels, model.labels)] for s in kept], 2 * REPLAY, rng)
    background = next((label for label in loaded.detector.background if not len(drawn.get(label, ()))), None)
    if background is not None:  # what is none of the others is what this class is there for
        drawn[background], others = others[: REPLAY + GUARD], others[REPLAY + GUARD :]
    others = others[:REPLAY]
    replay = {label: rows[:REPLAY] for label, rows in drawn.items() if len(rows)}
    guard = {label: rows[REPLAY:] for label, rows in drawn.items() if len(rows) > REPLAY}

    def embeddings_in(parts: Mapping[str, Embeddings]) -> dict[str, Embeddings]:
        return {label: np.ascontiguousarray(rows[:, :features]) for label, rows in parts.items()}

    def shares_in(parts: Mapping[str, Embeddings]) -> dict[str, NDArray[np.uint8]]:
        return {label: np.ascontiguousarray(rows[:, features:]).view(np.uint8) for label, rows in parts.items()}

    shares = None
    if made.site is not None and made.site.positions:
        shares = StoredShares(shares_in(replay), shares_in(guard), shares_in({"": others})[""])
    return StoredEmbeddings(
        mean, gain, embeddings_in(replay), embeddings_in(guard), np.ascontiguousarray(others[:, :features]), shares
    )


def _with_shares(samples: Samples) -> Embeddings:
    """Embeddings, and behind each its shares, if there are any."""
    if samples.shares is None:
        return samples.embeddings
    return np.concatenate([samples.embeddings, samples.shares.view(np.int8)], axis=1)


def store(app: str | Path, stored: StoredEmbeddings) -> int:
    """Writes `stored` into the app's model; bytes of the model then."""
    from fieldwren.train.export import with_metadata

    path = load_app(app).model_path
    model = with_metadata(path.read_bytes(), {HEAD_KEY: stored.to_json()})
    with written_whole(path) as temporary:
        temporary.write_bytes(model)
    return len(model)


def link_recordings(clips: Sequence[Clip], folder: Path) -> None:
    """Puts the files of `clips` into `folder`, each in a folder of its own folder's name."""
    for clip in clips:
        if clip.path is not None:
            place = folder / clip.path.parent.name / clip.path.name
            place.parent.mkdir(exist_ok=True)
            if not place.exists():
                place.symlink_to(clip.path.resolve())


def speak(recipe_file: Path, seed: int | None, folder: Path) -> None:
    """Writes what the synthetic voices of a keyword recipe say as `LABEL_VOICE_0.wav` into `folder`."""
    settings = recipe.load(recipe_file)
    if not isinstance(settings, recipe.KeywordRecipe):
        raise BadInputError(f"{recipe_file}: has no voices: it is a recipe of kind {settings.kind}")
    speakers = synth.voices(settings.voices.count, settings.seed if seed is None else seed, settings.voices.accented)
    for number, voice in enumerate(speakers):
        for clip in synth.spoken_words(DIGITS, [voice]):
            with wave.open(str(folder / f"{clip.label}_voice{number:04}_0.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(SAMPLE_RATE)
                file.writeframes(to_pcm(clip.samples).astype("<i2").tobytes())


def _spread(groups: Sequence[NDArray[np.int8]], count: int, rng: np.random.Generator) -> Embeddings:
    """Up to `count` rows [n, features], one of every group in turn."""
    turns: list[NDArray[np.int8]] = []
    shuffled = [rows[rng.permutation(len(rows))] for rows in groups if len(rows)]
    order = rng.permutation(len(shuffled))
    for turn in range(max((len(rows) for rows in shuffled), default=0)):
        turns += [shuffled[number][turn] for number in order if turn < len(shuffled[number])]
        if len(turns) >= count:
            break
    return np.array(turns[:count], np.int8).reshape(-1, groups[0].shape[1])


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `python -m fieldwren.train.head`."""
    parser = argparse.ArgumentParser(prog="python -m fieldwren.train.head", description=__doc__.splitlines()[0])
    parser.add_argument("app", type=Path)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path)
    source.add_argument("--voices", type=Path, metavar="RECIPE")
    parser.add_argument("--hold-out", action="append", default=[], metavar="GROUP")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as spoken:
            if given.voices is not None:
                speak(given.voices, None, Path(spoken))
            stored = stored_head(given.app, given.data or Path(spoken), given.hold_out, given.seed)
        size = store(given.app, stored)
    except FieldwrenError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(
        f"{given.app}: a model of {size} bytes, {sum(len(rows) for rows in stored.replay.values())} embeddings to rehearse with"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
