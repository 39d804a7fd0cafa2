"""What templates need to know of an app that learns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fieldwren.app import App, ButtonSettings, LabelRule
from fieldwren.app_model import AppModel
from fieldwren.boards import Board
from fieldwren.errors import BadInputError
from fieldwren.features import SensorFrontEnd

if TYPE_CHECKING:
    from fieldwren.learn.adapters import AdapterTables


@dataclass(frozen=True)
class RuleContext:
    """fw_label_rule_t."""

    every: int
    column: int
    above: float
    then_class: int
    otherwise_class: int


@dataclass(frozen=True)
class ButtonContext:
    """fw_button_t."""

    action: str
    sample: str
    label: str | None


@dataclass(frozen=True)
class FleetContext:
    """FW_PARTICIPANT_BYTES and the bytes of the longest task."""

    memory_bytes: int
    task_bytes: int


@dataclass(frozen=True)
class LearningContext:
    """Sizes in bytes; `block` the factory block in words; `values` floats of targets; `spare` labels that the
    detector has besides the model's; `misses` near misses that are kept."""

    block: NDArray[np.uint32]
    memory_bytes: int
    samples_bytes: int
    misses: int
    image_bytes: int
    spare: int
    values: int
    save_wait_ms: int
    save_every_ms: int
    rule: RuleContext | None
    adapters: AdapterTables | None
    buttons: tuple[ButtonContext, ...]
    fleet: FleetContext | None


def learning_context(model: AppModel, board: Board) -> LearningContext | None:
    """None for an app that does not learn."""
    from fieldwren.learn import settings as learn

    settings, factory = model.app.learn, model.factory
    if settings is None or factory is None:
        return None
    return LearningContext(
        block=np.frombuffer(factory.block(), "<u4"),
        memory_bytes=factory.memory_bytes,
        samples_bytes=(learn.SAMPLES + learn.near_misses(model.app)) * factory.row_bytes,
        misses=learn.near_misses(model.app),
        image_bytes=learn.image_bytes(factory) if learn.imports_head(settings, board) else 0,
        spare=max(0, factory.classes_most - len(model.labels)) if factory.loss != "squared" else 0,
        values=learn.target_values(factory),
        save_wait_ms=round(1000 * settings.save_after_s),
        save_every_ms=learn.save_every_ms(settings, learn.store_layout(factory, board)),
        rule=_rule(model, settings.rule) if settings.rule is not None else None,
        adapters=model.adapter_tables,
        buttons=_buttons(model.app, settings.buttons, board),
        fleet=FleetContext(learn.participant_bytes(factory), learn.task_bytes(factory)) if settings.fleet else None,
    )


def _buttons(app: App, buttons: tuple[ButtonSettings, ...], board: Board) -> tuple[ButtonContext, ...]:
    """None where the board has no button at all, as emulated boards do not."""
    if not board.buttons:
        return ()
    if len(buttons) > len(board.buttons):
        names = ", ".join(button.name for button in board.buttons)
        raise BadInputError(
            f"{app.where('learn', 'buttons')}: says what {len(buttons)} buttons do, and {board.id} has "
            f"{len(board.buttons)}: {names}"
        )
    return tuple(
        ButtonContext(
            action="FW_PRESS_" + ("UNDO" if button.undo else "TEACH" if button.teach else str(button.feedback).upper()),
            sample=f"FW_SAMPLE_{button.sample.upper()}",
            label=button.teach,
        )
        for button in buttons
    )


def _rule(model: AppModel, rule: LabelRule) -> RuleContext:
    front_end = model.front_end
    if not isinstance(front_end, SensorFrontEnd) or rule.channel not in front_end.channels:
        known = f": {', '.join(front_end.channels)}" if isinstance(front_end, SensorFrontEnd) else ", which hears audio"
        raise BadInputError(
            f"{model.app.where('learn', 'rule', 'channel')}: {rule.channel!r} is no channel of the app{known}"
        )
    return RuleContext(
        every=max(1, round(1000 * rule.every_s / model.stride_ms)),
        column=front_end.channels.index(rule.channel),
        above=rule.above,
        then_class=model.labels.index(rule.label),
        otherwise_class=model.labels.index(rule.otherwise),
    )
