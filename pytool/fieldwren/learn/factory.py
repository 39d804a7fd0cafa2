"""What a learner starts from: configuration, factory head, and embeddings stored with the model."""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwren.errors import BadInputError
from fieldwren.graph import Graph
from fieldwren.learn.adapters import LEVEL_MOST, AdapterSite, active_shares, adapted_rows
from fieldwren.learn.cut import Cut, Loss

HEAD_KEY = "fieldwren.head"
"""Metadata of a model: JSON with `schema` 1, `mean` and `gain` [features], `replay` and `guard` (label → base64 of int8
[count, features]) and `negatives` (the same for embeddings that belong to no class). A model stored for an app with
adapters also has `shares`: the same three of uint8, how much of each feature was active (fw_adapters.h)."""

NAME_BYTES = 20
NEGATIVE = 0xFFFF
SMALLEST_DEVIATION = 0.5
"""In int8 units: a feature that hardly moved in training must not be blown up."""
_UNKNOWN_GAIN = 1 / 32
_CONFIG = struct.Struct("<8H5f")
_ADAPTERS = struct.Struct("<2H2h4f")
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
    adapters: bool = False
    adapter_rate: float = 1.0
    forgetting: float = 0.0


@dataclass(frozen=True)
class StoredShares:
    """How much of each feature was active in the stored embeddings of the same names: levels of active_shares()."""

    replay: Mapping[str, NDArray[np.uint8]]
    guard: Mapping[str, NDArray[np.uint8]]
    negatives: NDArray[np.uint8]


@dataclass(frozen=True)
class StoredEmbeddings:
    """Statistics (int8 units) and embeddings of the training data; the latter by label, each [count, features]."""

    mean: NDArray[np.float32]
    gain: NDArray[np.float32]
    replay: Mapping[str, Embeddings] = field(default_factory=dict)
    guard: Mapping[str, Embeddings] = field(default_factory=dict)
    negatives: Embeddings | None = None
    shares: StoredShares | None = None

    def with_shares(self, site: AdapterSite, name: str) -> StoredEmbeddings:
        """Rows of a learner with adapters, [count, row_bytes], in place of embeddings.

        Raises BadInputError if the model `name` does not say what was active.
        """
        shares = self.shares
        if shares is None and site.positions and (self.replay or self.guard):
            raise BadInputError(
                f"{name}: carries embeddings without what adapters need to know of them: "
                "store them again (python -m fieldwren.train.head) with adapters = true"
            )

        def joined(rows: Embeddings, active: NDArray[np.uint8] | None) -> Embeddings:
            if active is None or site.positions == 0:
                active = active_shares(site, rows, rows)
            return adapted_rows(rows, active)

        def all_joined(
            parts: Mapping[str, Embeddings], active: Mapping[str, NDArray[np.uint8]]
        ) -> dict[str, Embeddings]:
            return {label: joined(rows, active.get(label)) for label, rows in parts.items()}

        return replace(
            self,
            replay=all_joined(self.replay, shares.replay if shares else {}),
            guard=all_joined(self.guard, shares.guard if shares else {}),
            negatives=None if self.negatives is None else joined(self.negatives, shares.negatives if shares else None),
        )

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
        if self.shares is not None:
            document["shares"] = {
                "replay": {label: _text(rows.view(np.int8)) for label, rows in self.shares.replay.items()},
                "guard": {label: _text(rows.view(np.int8)) for label, rows in self.shares.guard.items()},
                "negatives": _text(self.shares.negatives.view(np.int8)),
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
    site: AdapterSite | None = None

    @property
    def classes_most(self) -> int:
        """Classes there is memory for."""
        return len(self.labels) + self.config.classes_spare

    @property
    def adapter_channels(self) -> int:
        """Channels with a learned scale and bias; 0 without adapters."""
        return self.site.channels if self.site is not None else 0

    @property
    def row_bytes(self) -> int:
        """What lessons are given and stored as: an embedding, with adapters also its active shares."""
        return self.features + ((self.features + 1) // 2 if self.site is not None else 0)

    def block(self) -> bytes:
        """The factory block of firmware/learn/script.h."""
        config, most = self.config, self.config.replay_per_class
        rows = [self.stored.replay.get(label, np.zeros((0, self.row_bytes), np.int8))[:most] for label in self.labels]
        replay = np.zeros((len(rows), most, self.row_bytes), np.int8)
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
            )
            + self.adapter_config()
            + struct.pack("<f", config.forgetting),
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
        floats = ((features + 1) * classes + 2 * self.adapter_channels) * (3 if guard else 2) + features + classes
        floats += 3 * features * self.config.running_statistics
        if self.loss == "squared":
            floats += (classes + 1) * (guard + 1)
        if self.config.forgetting > 0:
            floats += self.matrix_floats + features + 2
        embeddings = self.row_bytes * (classes * self.config.replay_per_class + guard + 1)
        return 4 * floats + 28 * classes + (embeddings + 3) // 4 * 4 + (2 * guard + 3) // 4 * 4

    @property
    def matrix_floats(self) -> int:
        """FW_LEARNER_MATRIX_FLOATS: of recursive least squares."""
        return (self.features + 1) * (self.features + 2) // 2 if self.config.forgetting > 0 else 0

    def adapter_config(self) -> bytes:
        """fw_adapter_config_t. Its units make a step of a parameter as large as one of a weight: deviations of features."""
        if self.site is None:
            return bytes(_ADAPTERS.size)
        deviation = float(np.sqrt(np.mean(1.0 / self.stored.gain.astype(np.float64) ** 2)))
        above = self.stored.mean.astype(np.float64) - self.site.zero_point
        size = float(np.sqrt(np.mean(above**2 + 1.0 / self.stored.gain.astype(np.float64) ** 2)))
        return _ADAPTERS.pack(
            self.site.channels,
            self.site.positions,
            self.site.zero_point,
            self.site.floor,
            self.config.adapter_rate,
            min(1.0, max(1e-3, deviation / max(size, 1e-9))),
            min(64.0, max(0.01, deviation)),
            self.site.ratio,
        )

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
        rows = np.array([row for row, _ in turns], np.int8).reshape(-1, self.row_bytes)
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
    if made.site is not None:
        stored = stored.with_shares(made.site, graph.name)
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
        config or LearnerConfig(),
        kept,
        made.loss,
        features,
        np.concatenate([weights.ravel(), bias]),
        stored,
        made.site,
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
            _shares(document.get("shares"), features),
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


def _shares(document: Any, features: int) -> StoredShares | None:
    if document is None:
        return None

    def active(text: str) -> NDArray[np.uint8]:
        rows = _rows(text, features).view(np.uint8)
        if np.any(rows > LEVEL_MOST):
            raise ValueError("a level is too high")
        return rows

    return StoredShares(
        {label: active(text) for label, text in document["replay"].items()},
        {label: active(text) for label, text in document["guard"].items()},
        active(document["negatives"]),
    )


def _rows(text: str, features: int) -> Embeddings:
    return np.frombuffer(base64.b64decode(text, validate=True), np.int8).reshape(-1, features)
