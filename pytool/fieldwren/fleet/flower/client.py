"""A Flower ClientApp that answers for devices: virtual ones in a simulation, those of a gateway in a deployment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.clientapp import ClientApp

from fieldwren.errors import LinkLostError
from fieldwren.fleet.flower.strategies import RECORD


@dataclass(frozen=True)
class Devices:
    """What a node says of its devices, and how it reaches them: `adapt` (name, task, the node's context) → update."""

    names: Sequence[str]
    model: int
    classes: int
    features: int
    adapt: Callable[[str, bytes, Context], bytes]


def client_app(devices_of: Callable[[Context], Devices]) -> ClientApp:
    """The ClientApp of a node; `devices_of` is called for every message and should remember what it opened.

    A device that does not answer gives a reply without an update.
    """
    app = ClientApp()

    @app.query()
    def query(message: Message, context: Context) -> Message:
        devices = devices_of(context)
        answer = ConfigRecord(
            {
                "devices": list(devices.names),
                "model": devices.model,
                "classes": devices.classes,
                "features": devices.features,
            }
        )
        return Message(RecordDict({RECORD: answer}), reply_to=message)

    @app.train()
    def train(message: Message, context: Context) -> Message:
        asked: Any = message.content.config_records[RECORD]
        answer = ConfigRecord({"device": str(asked["device"])})
        try:
            update = devices_of(context).adapt(str(asked["device"]), bytes(asked["task"]), context)
            answer["update"] = update
        except LinkLostError as error:
            answer["lost"] = str(error)
        return Message(RecordDict({RECORD: answer}), reply_to=message)

    return app
