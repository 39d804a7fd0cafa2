"""What the server asks of a device, and what every device promises, however it is reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from fieldwren.fleet.federation import Encoding, Local

Vector = NDArray[np.float32]
"""Flat parameters of a head: weights[class][feature], then biases [class], then adapters if there are any."""

Status = Literal["ok", "refused", "fault"]


@dataclass(frozen=True)
class Task:
    """One turn of local training.

    `sequence` grows with every task of a federation. The very same task again gets the very same answer. `model` is the
    CRC-32 of the factory block that all devices share: another one is refused. The device starts from its head of version
    `base` plus `change`, and that is `version`; version 0 is the factory head, which every device has in flash.
    `steps` updates at `rate` and `momentum` over the device's own samples, in the order of `seed`, then `query_steps`
    more: without the latter the change of all steps is the answer, else that of the query steps alone.
    `local` parameters are in no vector. `encoding` and `kept_share` (above 0, at most 1) say how the answer travels.
    """

    sequence: int
    model: int
    base: int
    version: int
    change: Vector
    steps: int
    rate: float
    seed: int
    momentum: float = 0.0
    query_steps: int = 0
    encoding: Encoding = "float32"
    kept_share: float = 1.0
    local: tuple[Local, ...] = ()


@dataclass(frozen=True)
class Update:
    """A device's answer: `change` of its head by local training as it travelled, zero where nothing was sent.

    `samples` it learned from; `correct` of `tested` samples of its own with the head as it came, before training.
    `refused`: another model, or a base that the device does not have. `fault`: training left the finite numbers. Then
    `change` is empty.
    """

    sequence: int
    model: int
    change: Vector
    samples: int
    correct: int
    tested: int
    status: Status = "ok"


class FleetDevice(Protocol):
    """A client, however it is reached. It raises LinkLostError when the device does not answer."""

    @property
    def name(self) -> str:
        """What the server and the audit log call it."""

    @property
    def bytes_down(self) -> int:
        """Bytes of tasks sent to it so far."""

    @property
    def bytes_up(self) -> int:
        """Bytes of updates it has sent so far."""

    def adapt(self, task: bytes) -> bytes:
        """One turn of local training: wire.encode_task in, wire.encode_update out. A repeated task: the same bytes."""

    def evaluate(self, head: Vector) -> tuple[int, int]:
        """(correct, tested) of its own test samples with another head; its own stays as it is."""
