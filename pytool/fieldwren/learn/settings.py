"""The [learn] section of an app: its learner's configuration, and the memory and flash that takes."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fieldwren.app import App, LearnSettings
from fieldwren.app_model import AppModel
from fieldwren.boards import Board
from fieldwren.errors import BadInputError
from fieldwren.graph import Graph
from fieldwren.learn.adapters import adapter_tables
from fieldwren.learn.cut import cut
from fieldwren.learn.factory import Factory, LearnerConfig, factory_of, name_bytes
from fieldwren.native import library
from fieldwren.plan import Plan

ENDURANCE = 10_000
"""Erasures that a page of a microcontroller's flash is rated for."""
YEARS = 10
SLOTS_LEAST = 3
SAMPLES = 3
"""Embeddings that firmware/app/learning.c keeps."""

_SLOT_OVERHEAD = 32
_MISS_BYTES = 8
"""fw_miss_t."""
_TASK_HEADER_BYTES, _UPDATE_HEADER_BYTES = 40 + 12 + 4, 20 + 12 + 4
"""With the vector's header and the CRC (firmware/learn/participant.h)."""
_HOST_STORE_BYTES, _HOST_PAGE_BYTES = 64 * 4096, 4096
GUARD_SAMPLES = 15
"""Of classes, where an app does not say how many; values have none then, for every row may be a lesson."""
VALUE_KINDS = ("regression", "anomaly")
"""Kinds of apps whose last layer gives values: it learns what they should have been, and has no classes."""


@dataclass(frozen=True)
class StoreLayout:
    """How an app's learned state lies in a board's flash; bytes. `saves_per_day`: until pages are worn after ten years.

    Records hold the matrix of recursive least squares, if there is one, where `has_matrix`.
    """

    record_bytes: int
    slots: int
    slot_bytes: int
    page_bytes: int
    saves_per_day: float
    has_matrix: bool


def learner_config(settings: LearnSettings) -> LearnerConfig:
    """The learner's build-time choices."""
    return LearnerConfig(
        classes_spare=settings.spare_classes,
        replay_per_class=settings.replay_per_class,
        guard_samples=GUARD_SAMPLES if settings.guard_samples is None else settings.guard_samples,
        running_statistics=settings.running_statistics,
        replays_per_sample=settings.replays_per_sample,
        guard_loss=1 if settings.guard_loss is None else settings.guard_loss,
        rate=settings.rate,
        momentum=settings.momentum,
        pull=settings.pull,
        imprint=settings.imprint,
        reject_below=settings.reject_below,
        adapters=settings.adapters,
        adapter_rate=settings.adapter_rate,
        forgetting=settings.forgetting or 0.0,
    )


def app_factory(app: App, graph: Graph, labels: Sequence[str]) -> tuple[Graph, Factory]:
    """(backbone, what the learner starts from) of an app with [learn].

    `labels` are the app's; the outputs of a regression and of an autoencoder have numbers.

    Raises UnsupportedError for a model whose last layer cannot learn, BadInputError naming the field for settings that
    contradict each other.
    """
    settings = app.learn
    assert settings is not None
    has_values = app.kind in VALUE_KINDS
    made = cut(graph, is_regression=has_values, adapters=settings.adapters)
    if has_values and made.loss != "squared":
        raise BadInputError(
            f"{app.model_path}: ends in {made.loss}: the values of kind {app.kind} come from a linear layer"
        )
    if has_values:
        labels = [str(number) for number in range(len(made.weights))]
    for label in labels:
        try:
            name_bytes(label)
        except BadInputError as error:
            raise BadInputError(f"{app.where('labels')}: {error}") from error
    config = learner_config(settings)
    if has_values:  # no class to add, or to keep embeddings of; a fifth of the newest lessons may contradict the next
        guard = settings.guard_samples or 0
        guard_loss = guard // 5 if settings.guard_loss is None else settings.guard_loss
        config = replace(config, classes_spare=0, replay_per_class=1, guard_samples=guard, guard_loss=guard_loss)
    elif len(made.weights) != len(labels):  # one output that says yes or no: nothing can be added to it
        config = replace(config, classes_spare=0)
    factory = factory_of(graph, made, labels, config)
    block = ctypes.create_string_buffer(factory.block())
    if library().fw_learner_bytes(block) != factory.memory_bytes:
        raise BadInputError(
            f"{app.where('learn')}: rate, momentum or pull is out of range, or there are too many classes: "
            f"pull is at most {0.1 / factory.classes_most:g} with {factory.classes_most} classes"
        )
    if settings.rule is not None and has_values:
        raise BadInputError(f"{app.where('learn', 'rule')}: gives labels, and an app of kind {app.kind} learns values")
    if settings.teach_below and app.kind != "anomaly":
        raise BadInputError(f"{app.where('learn', 'teach_below')}: is for apps of kind anomaly, this is {app.kind}")
    if settings.rule is not None:
        for field, label in (("label", settings.rule.label), ("otherwise", settings.rule.otherwise)):
            if label not in labels:
                raise BadInputError(
                    f"{app.where('learn', 'rule', field)}: {label!r} is not a label of the app: {', '.join(labels)}"
                )
    _check_buttons(app, settings, labels, config.classes_spare)
    return made.backbone, factory


def learning_model(model: AppModel, factory: Factory, backbone: Plan) -> AppModel:
    """`model` as firmware has it that learns, with `backbone` planned for its board."""
    tables = None if factory.site is None else adapter_tables(backbone, factory.site)
    return replace(model, factory=factory, adapter_tables=tables)


def _check_buttons(app: App, settings: LearnSettings, labels: Sequence[str], spare: int) -> None:
    """Raises BadInputError for a label that a button teaches and that can neither be had nor added."""
    new = {button.teach for button in settings.buttons if button.teach is not None} - set(labels)
    for label in sorted(new):
        try:
            name_bytes(label)
        except BadInputError as error:
            raise BadInputError(f"{app.where('learn', 'buttons')}: {error}") from error
    if len(new) > spare:
        raise BadInputError(
            f"{app.where('learn', 'buttons')}: {', '.join(sorted(new))}: not among the labels of the app "
            f"({', '.join(labels)}), and there is room for {spare} others: see learn.spare_classes"
        )


def record_bytes(factory: Factory, *, with_matrix: bool = True) -> int:
    """FW_RECORD_BYTES: the body of the largest record."""
    features, classes, config = factory.features, factory.classes_most, factory.config
    total = 64 + 4 * (features + 1) * classes + 12 * features * config.running_statistics + 28 * classes
    total += 8 * factory.adapter_channels + 4 * factory.matrix_floats * with_matrix
    if factory.loss == "squared":
        total += 4 * (classes + 1) * config.guard_samples
    embeddings = (
        factory.row_bytes * classes * config.replay_per_class,
        factory.row_bytes * config.guard_samples,
        2 * config.guard_samples,
    )
    return total + sum((part + 3) // 4 * 4 for part in embeddings)


def store_layout(factory: Factory, board: Board) -> StoreLayout | None:
    """Where the state is kept; None if the board has no flash for it, or not for three records.

    Where there is none for three with the matrix of recursive least squares, that starts anew with the device.
    """
    store = board.memory.store if board.memory is not None else None
    if board.memory is not None and store is None:
        return None
    total, page = (store.bytes, store.page_bytes) if store else (_HOST_STORE_BYTES, _HOST_PAGE_BYTES)
    for with_matrix in (True, False):
        body = record_bytes(factory, with_matrix=with_matrix)
        slot = math.ceil((body + _SLOT_OVERHEAD) / page) * page
        slots = total // slot
        if slots >= SLOTS_LEAST:
            return StoreLayout(body, slots, slot, page, slots * ENDURANCE / (365.25 * YEARS), with_matrix)
    return None


def save_every_ms(settings: LearnSettings, layout: StoreLayout | None) -> int:
    """The least time between two saves that the device makes by itself; 0: it makes none."""
    if layout is None:
        return 0
    seconds = 86400 / layout.saves_per_day if settings.save_every_s is None else settings.save_every_s
    return min(2**31 - 1, max(1, round(1000 * seconds)))


def image_bytes(factory: Factory) -> int:
    """FW_STORE_IMAGE_BYTES of the largest record."""
    return record_bytes(factory) + _SLOT_OVERHEAD - 8


def exchanged_parameters(factory: Factory) -> int:
    """FW_PARTICIPANT_COUNT: of the factory's head, and of adapters."""
    return len(factory.head) + 2 * factory.adapter_channels


def participant_bytes(factory: Factory) -> int:
    """FW_PARTICIPANT_BYTES: what a member of a fleet works on tasks in."""
    count = exchanged_parameters(factory)
    return 4 * 4 * count + _UPDATE_HEADER_BYTES + 4 * count


def task_bytes(factory: Factory) -> int:
    """FW_TASK_BYTES: the longest task of a federation."""
    return _TASK_HEADER_BYTES + 4 * exchanged_parameters(factory)


def fleet_ram_bytes(factory: Factory) -> int:
    """Static RAM of a member of a fleet, but for its few fixed variables."""
    return (participant_bytes(factory) + 3) // 4 * 4 + (task_bytes(factory) + 3) // 4 * 4


def imports_head(settings: LearnSettings, board: Board) -> bool:
    """Whether the firmware takes a head over the link."""
    if settings.import_head is not None:
        return settings.import_head
    return board.memory is None or board.memory.ram.bytes >= 64 * 1024


def target_values(factory: Factory) -> int:
    """Floats of what the kept samples' outputs should have been; none for classes."""
    return SAMPLES * len(factory.labels) if factory.loss == "squared" else 0


def near_misses(app: App) -> int:
    """Near misses that the app's firmware keeps: those of a detector that reports events."""
    return app.learn.near_misses if app.learn is not None and app.mode == "events" else 0


def learning_ram_bytes(app: App, factory: Factory, board: Board) -> int:
    """Static RAM of learning but for its few fixed variables: learner, samples, and a head on its way in."""
    settings = app.learn
    assert settings is not None
    misses = near_misses(app)
    samples = ((SAMPLES + misses) * factory.row_bytes + 3) // 4 * 4 + _MISS_BYTES * misses
    samples += 4 * target_values(factory)
    fleet = fleet_ram_bytes(factory) if settings.fleet else 0
    return factory.memory_bytes + samples + fleet + (image_bytes(factory) if imports_head(settings, board) else 0)
