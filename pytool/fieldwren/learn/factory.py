"""What a learner starts from: configuration, factory head, and embeddings stored with the model."""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fieldwren.errors import BadInputError
from fieldwren.graph import Graph
from fieldwren.learn.cut import Cut, Loss

HEAD_KEY = "fieldwren.head"
"""Metadata of a model: JSON with `schema` 1, `mean` and `gain` [features], `replay` and `guard` (label → base64 of int8
[count, features]) and `negatives` (the same for embeddings that belong to no class)."""

NAME_BYTES = 20
NEGATIVE = 0xFFFF
SMALLEST_DEVIATION = 0.5
"""In int8 units: a feature that hardly moved in training must not be blown up."""
_UNKNOWN_GAIN = 1 / 32
_CONFIG = struct.Struct("<8H5f")
_LOSS_CODES: Mapping[Loss, int] = {"softmax": 0, "logistic": 1, "squared": 2}

Embeddings = NDArray[np.int8]


@dataclass(frozen=True)
class LearnerConfig:
    """The build-time choices of fw_learner_config_t; see there for ranges."""

    classes_spare: int = 4
    replay_per_class: int = 8
    guard_samples: int = 0
    running_statistics: bool = False
    replays_per_sample: int = 4
    guard_loss: int = 1
    rate: float = 0.05
    momentum: float = 0.5
    pull: float = 1e-4
    imprint: float = 0.5
    reject_below: float = 0.0


@dataclass(frozen=True)
class StoredEmbeddings:
    """Statistics (int8 units) and embeddings of the training data; the latter by label, each [count, features]."""

    mean: NDArray[np.float32]
    gain: NDArray[np.float32]
    replay: Mapping[str, Embeddings] = field(default_factory=dict)
    guard: Mapping[str, Embeddings] = field(default_factory=dict)
    negatives: Embeddings | None = None

    def to_json(self) -> str:
        """The metadata HEAD_KEY."""
        document = {
            "schema": 1,
            "mean": [float(value) for value in self.mean],
            "gain": [float(value) for value in self.gain],
            "replay": {label: _text(rows) for label, rows in self.replay.items()},
            "guard": {label: _text(rows) for label, rows in self.guard.items()},
            "negatives": "" if self.negatives is None else _text(self.negatives),
        }
        return json.dumps(document, sort_keys=True, ensure_ascii=False)


@dataclass(frozen=True)
class Factory:
    """A learner's start as it lies in flash. `labels` name the rows of `head` in order."""

    config: LearnerConfig
    labels: tuple[str, ...]
    loss: Loss
    features: int
    head: NDArray[np.float32]
    stored: StoredEmbeddings

    @property
    def classes_most(self) -> int:
        """Classes there is memory for."""
        return len(self.labels) + self.config.classes_spare

    def block(self) -> bytes:
        """The factory block of firmware/learn/script.h."""
        config, most = self.config, self.config.replay_per_class
        rows = [self.stored.replay.get(label, np.zeros((0, self.features), np.int8))[:most] for label in self.labels]
        replay = np.zeros((len(rows), most, self.features), np.int8)
        for into, row in zip(replay, rows, strict=True):
            into[: len(row)] = row
        guard, guard_labels = self._guard()
        parts = [
            _CONFIG.pack(
                self.features,
                self.classes_most,
                most,
                config.guard_samples,
                _LOSS_CODES[self.loss],
                config.running_statistics,
                config.replays_per_sample,
                config.guard_loss,
                config.rate,
                config.momentum,
                config.pull,
                config.imprint,
                config.reject_below,
            ),
            struct.pack("<HH", len(self.labels), len(guard_labels)),
            self.head.astype("<f4").tobytes(),
            self.stored.mean.astype("<f4").tobytes(),
            self.stored.gain.astype("<f4").tobytes(),
            b"".join(name_bytes(label) for label in self.labels),
            replay.tobytes(),
            bytes(len(row) for row in rows),
            guard.tobytes(),
            guard_labels.astype("<u2").tobytes(),
        ]
        return b"".join(padded(part) for part in parts)

    @property
    def memory_bytes(self) -> int:
        """FW_LEARNER_BYTES of this configuration."""
        features, classes, guard = self.features, self.classes_most, self.config.guard_samples
        floats = (features + 1) * classes * (3 if guard else 2) + features + classes
        floats += 3 * features * self.config.running_statistics + classes * (self.loss == "squared")
        embeddings = features * (classes * self.config.replay_per_class + guard + 1)
        return 4 * floats + 28 * classes + (embeddings + 3) // 4 * 4 + (2 * guard + 3) // 4 * 4

    def _guard(self) -> tuple[Embeddings, NDArray[np.uint16]]:
        """Guard embeddings and labels: one of every class in turn and then a negative, as many as there is room for."""
        sources = [(number, self.stored.guard.get(label)) for number, label in enumerate(self.labels)]
        sources.append((NEGATIVE, self.stored.negatives))
        longest = max((len(rows) for _, rows in sources if rows is not None), default=0)
        turns = [
            (rows[turn], label)
            for turn in range(longest)
            for label, rows in sources
            if rows is not None and turn < len(rows)
        ][: self.config.guard_samples]
        rows = np.array([row for row, _ in turns], np.int8).reshape(-1, self.features)
        return rows, np.array([label for _, label in turns], np.uint16)


def factory_of(
    graph: Graph,
    made: Cut,
    labels: Sequence[str],
    config: LearnerConfig | None = None,
    without: Sequence[str] = (),
) -> Factory:
    """The learner of a model that was cut; classes named in `without` are left out of its head.

    A model without metadata HEAD_KEY gets the statistics that its quantisation suggests, and an empty replay.
    """
    stored = stored_embeddings(graph, made)
    outputs, features = made.weights.shape
    head = made.standardised(stored.mean, stored.gain)
    rows = [number for number in range(outputs) if outputs == 1 or labels[number] not in without]
    if not rows:
        raise BadInputError(f"{graph.name}: all classes are to be new: one must stay")
    kept = tuple(labels[number] for number in rows)
    weights = head[: outputs * features].reshape(outputs, features)[rows]
    bias = head[outputs * features :][rows]
    if not np.isfinite(head).all():
        raise BadInputError(f"{graph.name}: its last layer has weights that are not finite")
    return Factory(
        config or LearnerConfig(), kept, made.loss, features, np.concatenate([weights.ravel(), bias]), stored
    )


def stored_embeddings(graph: Graph, made: Cut) -> StoredEmbeddings:
    """The metadata HEAD_KEY, checked; or what stands in for it."""
    features = made.weights.shape[1]
    if HEAD_KEY not in graph.metadata:
        mean = np.full(features, made.zero_point, np.float32)
        return StoredEmbeddings(mean, np.full(features, _UNKNOWN_GAIN, np.float32))
    try:
        document = json.loads(graph.metadata[HEAD_KEY])
        if document["schema"] != 1:
            raise BadInputError(f"{graph.name}: metadata {HEAD_KEY} has schema {document['schema']}, 1 is known")
        stored = StoredEmbeddings(
            np.array(document["mean"], np.float32),
            np.array(document["gain"], np.float32),
            {label: _rows(text, features) for label, text in document["replay"].items()},
            {label: _rows(text, features) for label, text in document["guard"].items()},
            _rows(document["negatives"], features),
        )
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise BadInputError(f"{graph.name}: metadata {HEAD_KEY} cannot be read: export the model again") from error
    sound = stored.mean.shape == stored.gain.shape == (features,) and np.isfinite(stored.mean).all()
    if not sound or not np.isfinite(stored.gain).all() or not (stored.gain > 0).all():
        raise BadInputError(f"{graph.name}: metadata {HEAD_KEY} does not fit the {features} features of its last layer")
    return stored


def statistics_of(embeddings: Embeddings) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and one over the standard deviation of every feature."""
    deviation = np.maximum(embeddings.astype(np.float64).std(axis=0), SMALLEST_DEVIATION)
    return embeddings.mean(axis=0).astype(np.float32), (1 / deviation).astype(np.float32)


def name_bytes(name: str) -> bytes:
    """A class's name as firmware keeps it. Raises BadInputError for an empty one or one that is too long."""
    encoded = name.encode()
    if not encoded or len(encoded) >= NAME_BYTES or b"\0" in encoded:
        raise BadInputError(f"class name {name!r}: must have 1 to {NAME_BYTES - 1} bytes of UTF-8")
    return encoded.ljust(NAME_BYTES, b"\0")


def padded(data: bytes) -> bytes:
    """`data` with zeros up to a multiple of 4 bytes."""
    return data + bytes(-len(data) % 4)


def _text(rows: Embeddings) -> str:
    return base64.b64encode(np.ascontiguousarray(rows, np.int8).tobytes()).decode()


def _rows(text: str, features: int) -> Embeddings:
    return np.frombuffer(base64.b64decode(text, validate=True), np.int8).reshape(-1, features)
