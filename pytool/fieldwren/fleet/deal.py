"""Who holds what: the samples of groups dealt to devices, and draws of shots from groups that were held out."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fieldwren.errors import BadInputError
from fieldwren.fleet.federation import Federation, device_names
from fieldwren.fleet.virtual import Shard, labels_as_rows
from fieldwren.learn.factory import Embeddings
from fieldwren.learn.samples import Samples


@dataclass(frozen=True)
class Pool:
    """What devices of one group are taught [n, row_bytes], as Shard has it, and the rows of the head that they are.

    `layer_inputs`: with adapters, what the adapted layer was given for each.
    """

    group: str
    embeddings: Embeddings
    rows: NDArray[np.int64]
    layer_inputs: Embeddings | None = None


def pools_of(groups: Sequence[Samples], labels: Sequence[str]) -> dict[str, Pool]:
    """The groups' samples of classes that the app has, by group."""
    pools = {}
    for samples in groups:
        rows = labels_as_rows([str(label) for label in samples.labels], labels)
        known = rows >= 0
        if known.any():
            inputs = None if samples.layer_inputs is None else samples.layer_inputs[known]
            pools[samples.group] = Pool(samples.group, samples.rows[known], rows[known], inputs)
    return pools


class _Deck:
    """Indices of one class of one group, dealt without repetition until they are used up, then shuffled anew."""

    def __init__(self, indices: NDArray[np.int64], rng: np.random.Generator) -> None:
        self._indices, self._rng, self._at = indices, rng, len(indices)

    def deal(self, count: int) -> NDArray[np.int64]:
        if self._at + count > len(self._indices):
            self._indices = self._rng.permutation(self._indices)
            self._at = 0
        self._at += count
        return self._indices[self._at - count : self._at]


@dataclass(frozen=True)
class Hand:
    """What one device was dealt: indices into its group's pool."""

    name: str
    group: str
    taught: NDArray[np.int64]
    tests: NDArray[np.int64]

    def shard(self, pools: Mapping[str, Pool]) -> Shard:
        """The samples themselves."""
        return shard_of(pools[self.group], self.taught, self.tests)


def shard_of(pool: Pool, taught: NDArray[np.int64], tests: NDArray[np.int64]) -> Shard:
    """Samples of a pool as a device holds them."""
    rows = pool.rows.astype(np.uint16)
    return Shard(pool.embeddings[taught], rows[taught], pool.embeddings[tests], rows[tests])


def deal(federation: Federation, pools: Mapping[str, Pool], samples_default: int) -> list[Hand]:
    """One hand a device, in the order of device_names.

    The devices of a group hold different samples as long as there are enough. A class of which there are too few keeps at
    least one sample for tests. Raises BadInputError naming a group that the data do not have.
    """
    for group in (*federation.hold_out, *(group for part in federation.clients for group in part.groups)):
        if group not in pools:
            raise BadInputError(
                f"{federation.path}: {federation.data_path} has no group {group!r}; there are {', '.join(sorted(pools))}"
            )
    free = [group for group in sorted(pools) if group not in federation.hold_out]
    if not free:
        raise BadInputError(f"{federation.path}: all groups are held out: nobody is left to learn")
    decks: dict[tuple[str, int], _Deck] = {}
    for group, pool in pools.items():
        rng = np.random.default_rng([federation.seed, 0x6465616C, zlib.crc32(group.encode())])
        for row in np.unique(pool.rows):
            decks[group, int(row)] = _Deck(np.flatnonzero(pool.rows == row), rng)
    sizes = {
        group: {int(r): int((pool.rows == r).sum()) for r in np.unique(pool.rows)} for group, pool in pools.items()
    }
    hands, names = [], iter(device_names(federation))
    for part in federation.clients:
        wanted = part.samples or samples_default
        for number in range(part.count):
            group = (part.groups or free)[number % len(part.groups or free)]
            taught, tests = [], []
            for row, size in sizes[group].items():
                if size < 2:
                    continue
                learnt = min(wanted, size - max(1, min(part.tests, size // 4)))
                cards = decks[group, row].deal(learnt + min(part.tests, size - learnt))
                taught.append(cards[:learnt])
                tests.append(cards[learnt:])
            if not taught:
                raise BadInputError(f"{federation.data_path}: group {group!r} has no class with two samples")
            hands.append(Hand(next(names), group, np.concatenate(taught), np.concatenate(tests)))
    return hands


def draw_shots(pool: Pool, shots: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(`shots` indices of every class, all others). Raises BadInputError where nothing would be left to measure with."""
    taught = []
    for row in np.unique(pool.rows):
        indices = rng.permutation(np.flatnonzero(pool.rows == row))
        if len(indices) <= shots:
            raise BadInputError(
                f"group {pool.group!r} has {len(indices)} samples of a class: too few for {shots} shots"
            )
        taught.append(indices[:shots])
    shown = np.concatenate(taught)
    return shown, np.setdiff1d(np.arange(len(pool.rows)), shown)
