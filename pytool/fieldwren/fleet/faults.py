"""Faults on purpose: what happens to a virtual device's answer on its way."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fieldwren.fleet import wire
from fieldwren.fleet.federation import FaultSettings, Federation

_SALT = 0x6661756C


class Faults:
    """Decides for every answer by seed, round and device; `sent` counts the messages that devices sent."""

    def __init__(self, federation: Federation, names: Sequence[str]) -> None:
        self.sent = 0
        self._settings = federation.faults or FaultSettings()
        self._federation = federation
        rng = np.random.default_rng([federation.seed, _SALT])
        chosen = rng.permutation(len(names))[: self._settings.poisoned]
        self.poisoned = frozenset(names[i] for i in chosen)
        self._late: list[tuple[str, bytes]] = []
        self._belated: list[tuple[str, bytes]] = []

    def answers(self, round_: int, name: str, answer: bytes) -> list[bytes]:
        """What arrives in time of a device's answer: nothing, it, something else, or it twice."""
        settings = self._settings
        if self._federation.faults is None:
            self.sent += 1
            return [answer]
        if name in self.poisoned:
            answer = self._poisoned(answer)
        rng = np.random.default_rng([self._federation.seed, _SALT, round_, zlib.crc32(name.encode())])
        luck = rng.random()
        for share, what in (
            (settings.killed, "killed"),
            (settings.late, "late"),
            (settings.corrupt, "corrupt"),
            (settings.not_a_number, "not a number"),
            (settings.duplicate, "duplicate"),
        ):
            luck -= share
            if luck < 0:
                return self._faulty(what, name, answer, rng)
        self.sent += 1
        return [answer]

    def belated(self, *, is_last: bool) -> list[tuple[str, bytes]]:
        """(name, answer) of those that were late in the round before; in the last one also those of this round."""
        came, self._belated, self._late = self._belated, self._late, []
        if is_last:
            came, self._belated = came + self._belated, []
        return came

    def state(self) -> str:
        """What is under way between two rounds."""
        return json.dumps({"sent": self.sent, "late": [(name, answer.hex()) for name, answer in self._belated]})

    def restore(self, state: str | None) -> None:
        """Goes on from a state."""
        if state is not None:
            document = json.loads(state)
            self.sent = document["sent"]
            self._belated = [(name, bytes.fromhex(answer)) for name, answer in document["late"]]

    def _faulty(self, what: str, name: str, answer: bytes, rng: np.random.Generator) -> list[bytes]:
        if what == "killed":
            return []
        self.sent += 1
        if what == "late":
            self._late.append((name, answer))
            return []
        if what == "corrupt":
            damaged = bytearray(answer[: len(answer) - int(rng.integers(2)) * int(rng.integers(len(answer)))])
            for place in rng.integers(len(damaged), size=3) if damaged else ():
                damaged[place] ^= int(rng.integers(1, 256))
            return [bytes(damaged)]
        if what == "not a number":
            update = wire.decode_update(answer)
            return [wire.encode_update(replace(update, change=np.full_like(update.change, np.nan)), "float32")]
        self.sent += 1
        return [answer, answer]

    def _poisoned(self, answer: bytes) -> bytes:
        update = wire.decode_update(answer)
        change = update.change * np.float32(self._settings.poison_factor)
        return wire.encode_update(replace(update, change=change), "float32")
