"""What a federation is made of once its app and data are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fieldwren.app import load_app
from fieldwren.app_model import app_model
from fieldwren.core import PORTABLE
from fieldwren.errors import UnsupportedError
from fieldwren.fleet.deal import Hand, Pool, deal, pools_of
from fieldwren.fleet.federation import Federation
from fieldwren.fleet.virtual import VirtualLearner
from fieldwren.graph import Graph
from fieldwren.learn.adapters import AdaptedLayer
from fieldwren.learn.cut import cut
from fieldwren.learn.factory import Factory, LearnerConfig, factory_of
from fieldwren.learn.samples import load_samples
from fieldwren.learn.settings import VALUE_KINDS, learner_config
from fieldwren.ops.lowering import lower
from fieldwren.tflite import read_model


@dataclass(frozen=True)
class Population:
    """`factory` that all devices start from, embeddings of every group, and what each device was dealt.

    `backbone` of an app with adapters.
    """

    federation: Federation
    factory: Factory
    pools: Mapping[str, Pool]
    hands: tuple[Hand, ...]
    backbone: Graph | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(classes, features) of the head."""
        return len(self.factory.labels), self.factory.features

    @property
    def held_out(self) -> list[Pool]:
        """The groups that no device learns from and that the file holds out."""
        return [self.pools[group] for group in self.federation.hold_out]

    def layer(self) -> AdaptedLayer | None:
        """The layer with adapters, if there is one: what devices make of it, in integers."""
        site = self.factory.site
        return None if site is None or self.backbone is None else AdaptedLayer(self.backbone, site)

    def learner(self) -> VirtualLearner:
        """C code and memory that serves every device of this population."""
        samples = max(len(hand.taught) for hand in self.hands)
        return VirtualLearner(self.factory, min(255, samples), max(len(hand.tests) for hand in self.hands))


def load_population(federation: Federation) -> Population:
    """Reads app and data, runs the frozen backbone once over every sample, and deals the embeddings to the devices.

    Raises BadInputError or UnsupportedError for an app whose last layer does not learn classes, or data without a group
    that the file names.
    """
    app = load_app(federation.app_path)
    graph = read_model(app.model_path)
    model = app_model(app, graph, lower(graph, PORTABLE))
    if app.kind in VALUE_KINDS:
        raise UnsupportedError(f"{app.manifest_path}: an app of kind {app.kind} learns values: a fleet learns classes")
    config = learner_config(app.learn) if app.learn else LearnerConfig()
    made = cut(graph, is_regression=not model.labels, adapters=config.adapters)
    if len(made.weights) != len(model.labels) or len(model.labels) < 2:
        raise UnsupportedError(
            f"{app.model_path}: a head of {len(made.weights)} outputs: a fleet learns two classes or more"
        )
    groups = load_samples(model, made, federation.data_path, graph.metadata)
    factory = factory_of(graph, made, model.labels, config)
    backbone = None if made.site is None else made.backbone
    return population_of(federation, factory, pools_of(groups, model.labels), backbone)


def population_of(
    federation: Federation, factory: Factory, pools: Mapping[str, Pool], backbone: Graph | None = None
) -> Population:
    """A population of embeddings that are there already."""
    hands = deal(federation, pools, factory.config.replay_per_class)
    return Population(federation, factory, pools, tuple(hands), backbone)
