"""Small learners with random factory heads."""

from __future__ import annotations

import numpy as np

from fieldwren.learn import Factory, LearnerConfig, Script, StoredEmbeddings
from fieldwren.learn.adapters import AdapterSite
from fieldwren.learn.factory import Embeddings


def embeddings(count: int, features: int, seed: int) -> Embeddings:
    return np.random.default_rng(seed).integers(-128, 128, (count, features)).astype(np.int8)


def random_factory(
    features: int,
    classes: int,
    config: LearnerConfig,
    *,
    seed: int = 0,
    loss: str = "softmax",
    replay: int = 8,
    channels: int = 0,
) -> Factory:
    """With `channels` its backbone's last layer has so many, and adapters."""
    rng = np.random.default_rng(seed)
    labels = tuple(f"class {number}" for number in range(classes))
    head = rng.normal(0, 0.3, (features + 1) * classes).astype(np.float32)
    stored = StoredEmbeddings(
        rng.uniform(-100, 0, features).astype(np.float32),
        rng.uniform(0.01, 0.05, features).astype(np.float32),
        {label: embeddings(replay, features, seed + 10 + k) for k, label in enumerate(labels)},
        {label: embeddings(2, features, seed + 50 + k) for k, label in enumerate(labels)},
        embeddings(3, features, seed + 90),
    )
    site = AdapterSite(0, channels, 0, -90, -90, 1.0) if channels else None
    if site is not None:
        stored = stored.with_shares(site, "random")
    return Factory(config, labels, loss, features, head, stored, site)  # type: ignore[arg-type]  # a Loss by name


def busy_script(factory: Factory, samples: int, seed: int = 1) -> Script:
    """Teaches all factory classes and a new one, practises, removes a class, and asks in between."""
    script = Script(factory.row_bytes)
    script.add_class("new")
    classes = len(factory.labels) + 1
    for number, row in enumerate(embeddings(samples, factory.row_bytes, seed)):
        script.teach(row, number % classes)
        script.classify(row[: factory.features])
        script.guard(row, number % classes)
    script.practise(2)
    script.remove_class(0)
    script.practise(1)
    return script
