"""The catalogue as an object: a store, the lock on it, its inbox and the index over it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

from pyoxigraph import NamedNode

from fieldwren.catalog.facts import Record
from fieldwren.catalog.hardware import board_record, known_boards, seed, vocabulary_record
from fieldwren.catalog.index import Index, build_index, load_index, save_index
from fieldwren.catalog.namespaces import CATALOG
from fieldwren.catalog.store import EndpointStore, LocalStore, Store, exists, revision, revision_record, rows
from fieldwren.errors import BadInputError, cannot_write
from fieldwren.locks import locked
from fieldwren.record import FORMAT, INBOX, default_folder

_FORMAT_FILE = "fieldwren-catalog"
BATCH_RECORDS = 2000


class Catalog:
    """An open catalogue; use it in a `with` block, and not longer than needed: one process at a time has it."""

    def __init__(self, store: Store, folder: Path | None, held: contextlib.ExitStack) -> None:
        """Use `open`."""
        self.store = store
        self.folder = folder
        self.notes: list[str] = []
        self._held = held
        self._index: Index | None = None
        self._shared: set[NamedNode] = set()

    @classmethod
    def open(
        cls,
        store: str | Path | None = None,
        *,
        endpoint: str | None = None,
        endpoint_update: str | None = None,
        fill: bool = True,
    ) -> Catalog:
        """Opens (and makes) the catalogue in the folder `store`, in the user's default folder, or at an endpoint.

        With `fill`, the boards that come with fieldwren are there afterwards, and what verbs have recorded since the last
        time is taken in. Waits while another process has the folder open. Raises BadInputError for a folder that holds
        something else.
        """
        held = contextlib.ExitStack()
        try:
            folder: Path | None = None
            if endpoint is not None:
                opened: Store = EndpointStore(endpoint, endpoint_update)
            else:
                folder = Path(store) if store is not None else default_folder()
                _prepare(folder)
                held.enter_context(locked(folder / "lock"))
                opened = LocalStore(folder / "quads")
            held.callback(opened.close)
            catalog = cls(opened, folder, held)
            if fill:
                catalog._fill()
        except BaseException:
            held.close()
            raise
        return catalog

    @classmethod
    def in_memory(cls) -> Catalog:
        """A catalogue that is gone when it is closed."""
        store = LocalStore(None)
        catalog = cls(store, None, contextlib.ExitStack())
        catalog._fill()
        return catalog

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Releases the store and the lock."""
        self._held.close()

    @property
    def index(self) -> Index:
        """The columns for matching, of the store's present revision."""
        if self._index is None:
            stamp = revision(self.store)
            path = self.folder / "index.npz" if self.folder is not None else None
            self._index = load_index(path, stamp) if path is not None else None
            if self._index is None:
                self._index = build_index(self.store)
                if path is not None:
                    with contextlib.suppress(OSError, BadInputError):  # a full disk makes the next start slower
                        save_index(self._index, path, stamp)
        return self._index

    def write(self, records: Iterable[Record]) -> None:
        """Adds records, each replacing the one of the same name; whatever happens, a record is there whole or not at all.

        Up to BATCH_RECORDS are one transaction; more are taken in batches, so that memory stays bounded.
        """
        for batch in _batches(records):
            shared = self._new_shared(batch)
            self.store.write([*batch, *shared, revision_record()])
            self._shared.update(one.graph for one in shared)
            self._index = None

    def _new_shared(self, batch: Iterable[Record]) -> list[Record]:
        """Records of tools, files and data sets that the batch refers to and the store does not have."""
        found = {node: one for record in batch for node, one in record.shared.items() if node not in self._shared}
        for node in list(found):
            if exists(self.store, f"{node} a ?kind"):
                self._shared.add(found.pop(node).graph)
        return list(found.values())

    def _fill(self) -> None:
        """Boards, when this version knows others than recorded, and the inbox."""
        present = seed()
        if not exists(self.store, f'<{CATALOG}> fw:seed "{present}"'):
            mark = Record(NamedNode(f"{CATALOG}:seed"))
            mark.say(NamedNode(CATALOG), "fw:seed", present)
            boards = (board_record(facts, "boards of fieldwren") for facts in known_boards())
            self.write([*boards, vocabulary_record(), mark])
        if self.folder is not None:
            from fieldwren.catalog.inbox import take_in

            self.notes += take_in(self, self.folder / INBOX)

    def count(self) -> int:
        """Number of triples."""
        (number,) = next(rows(self.store, "SELECT (COUNT(*) AS ?n) WHERE { GRAPH ?g { ?s ?p ?o } }"))
        return int(number.value)


def _batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    rest = iter(records)
    while batch := list(islice(rest, BATCH_RECORDS)):
        yield batch


def _prepare(folder: Path) -> None:
    """Makes the folder, or checks that it is a catalogue this version reads."""
    mark = folder / _FORMAT_FILE
    try:
        if folder.is_dir() and not mark.exists():
            others = [path.name for path in folder.iterdir() if path.name not in (INBOX, "lock", "quads")]
            if others:
                raise BadInputError(f"{folder}: is no catalogue but holds {others[0]}: give an empty or a new folder")
        folder.mkdir(parents=True, exist_ok=True)
        if not mark.exists():
            mark.write_text(f"{FORMAT}\n", encoding="utf-8")
        elif mark.read_text(encoding="utf-8").strip() not in (FORMAT, ""):
            raise BadInputError(f"{folder}: was written by a newer fieldwren: update it")
    except OSError as error:
        raise cannot_write(folder, error) from error
