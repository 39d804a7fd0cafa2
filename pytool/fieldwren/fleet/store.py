"""The state of a federation in one file, which a kill at any moment leaves as it was after some round.

An SQLite database: a round is one transaction. It holds what was asked for (federation.toml as it was read), the server's
state, the log of all messages, and what virtual devices remember.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from fieldwren.errors import BadInputError, MissingToolError, cannot_write
from fieldwren.fleet.federation import Federation
from fieldwren.fleet.server import AuditEntry, Round, Server, ServerState

_SCHEMA = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS audit (number INTEGER PRIMARY KEY, round, device, sequence, verdict, bytes);
CREATE TABLE IF NOT EXISTS devices (name TEXT PRIMARY KEY, memory) WITHOUT ROWID;
"""


class Store:
    """The file of one federation; `engine` is what runs it, for resume."""

    def __init__(self, path: Path, federation: Federation, model: int, engine: str) -> None:
        try:
            self._database = sqlite3.connect(path)
            with self._database:
                self._database.executescript(_TABLES)
        except sqlite3.Error as error:
            raise cannot_write(path, OSError(None, str(error))) from error
        wanted = {"schema": _SCHEMA, "federation": _fingerprint(federation), "model": model}
        found = self._facts()
        if found and any(found.get(name) != value for name, value in wanted.items()):
            raise BadInputError(
                f"{path}: holds another federation: its file, its app or fieldwren changed; name another file for the state"
            )
        self.path, self._audited = path, 0
        if not found:
            self._write({**wanted, "path": str(federation.path.resolve()), "engine": engine})

    def close(self) -> None:
        """Gives the file back."""
        self._database.close()

    def load(self) -> ServerState | None:
        """The state after the last round that was kept; None: there is none."""
        facts = self._facts()
        if "state" not in facts:
            return None
        document = json.loads(facts["state"])
        return ServerState(
            head=np.frombuffer(facts["head"], "<f4").astype(np.float32),
            sent=np.frombuffer(facts["sent"], "<f4").astype(np.float32),
            version=document["version"],
            rounds=[Round(**item) for item in document["rounds"]],
            versions=document["versions"],
            blamed=document["blamed"],
            quarantined=document["quarantined"],
            tasks=document["tasks"],
            verdicts=Counter(document["verdicts"]),
        )

    def memories(self) -> dict[str, bytes]:
        """What devices remember, by name."""
        return dict(self._database.execute("SELECT name, memory FROM devices"))

    def engine_state(self) -> str | None:
        """What the engine keeps beside the server's state."""
        found = self._facts().get("engine state")
        return None if found is None else str(found)

    def keep(self, server: Server, memories: Mapping[str, bytes], engine_state: str) -> None:
        """Writes the state after a round; `memories` of devices that changed."""
        state = server.state
        document = {
            "version": state.version,
            "rounds": [asdict(item) for item in state.rounds],
            "versions": state.versions,
            "blamed": state.blamed,
            "quarantined": state.quarantined,
            "tasks": state.tasks,
            "verdicts": state.verdicts,
        }
        facts = {
            "state": json.dumps(document),
            "head": state.head.astype("<f4").tobytes(),
            "sent": state.sent.astype("<f4").tobytes(),
            "engine state": engine_state,
        }
        self._write(facts, server.audit[self._audited :], memories)
        self._audited = len(server.audit)

    def audit(self) -> list[AuditEntry]:
        """All messages in the order in which they came."""
        rows = self._database.execute("SELECT round, device, sequence, verdict, bytes FROM audit ORDER BY number")
        return [AuditEntry(*row) for row in rows]

    def _facts(self) -> dict[str, Any]:
        return dict(self._database.execute("SELECT name, value FROM facts"))

    def _write(
        self,
        facts: Mapping[str, object],
        audit: Iterable[AuditEntry] = (),
        memories: Mapping[str, bytes] | None = None,
    ) -> None:
        try:
            with self._database as database:
                database.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())
                database.executemany("INSERT OR REPLACE INTO devices VALUES (?, ?)", (memories or {}).items())
                database.executemany(
                    "INSERT INTO audit (round, device, sequence, verdict, bytes) VALUES (?, ?, ?, ?, ?)",
                    ((e.round, e.device, e.sequence, e.verdict, e.bytes) for e in audit),
                )
        except sqlite3.Error as error:
            raise cannot_write(self.path, OSError(None, str(error))) from error


def resumable(path: Path) -> tuple[Path, str]:
    """(federation.toml, engine) of a state file. Raises MissingToolError or BadInputError if it is none."""
    if not path.is_file():
        raise MissingToolError(f"{path}: there is no state of a federation to resume")
    try:
        with closing(sqlite3.connect(path)) as database:
            facts = dict(database.execute("SELECT name, value FROM facts"))
        return Path(facts["path"]), str(facts["engine"])
    except (sqlite3.Error, KeyError) as error:
        raise BadInputError(f"{path}: is no state of a federation") from error


def _fingerprint(federation: Federation) -> str:
    return federation.model_dump_json(exclude={"path"})
