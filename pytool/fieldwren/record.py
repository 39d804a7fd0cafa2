"""What verbs leave for the catalogue: one small file per result, taken in when the catalogue is next opened.

Nothing here needs the catalogue's packages, waits for a lock or can make a verb fail: a file is written whole or not at
all, and a problem is one note on stderr. Records are kept where `FIELDWREN_CATALOG` says (empty: nowhere), else in the
user's own catalogue once there is one.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fieldwren import __version__
from fieldwren.files import written_whole

FORMAT = "1"
INBOX = "inbox"
VARIABLE = "FIELDWREN_CATALOG"


def default_folder() -> Path:
    """The catalogue of this user: `FIELDWREN_CATALOG`, else in the XDG data folder."""
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE])
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "fieldwren" / "catalog"


def recording_folder() -> Path | None:
    """Where results are recorded now, None when nobody keeps a catalogue."""
    if VARIABLE in os.environ:
        return Path(os.environ[VARIABLE]) if os.environ[VARIABLE] else None
    folder = default_folder()
    return folder if folder.is_dir() else None


VERBS = frozenset(
    (
        "check",
        "bench",
        "verify",
        "eval",
        "train",
        "convert",
        "build",
        "flash",
        "learn simulate",
        "learn teach",
        "learn status",
        "learn undo",
        "learn reset",
        "fleet simulate",
    )
)
"""Verbs whose results are facts worth keeping; others leave nothing."""


def record(verb: str, result: Callable[[], object], arguments: Mapping[str, Any] | None = None) -> None:
    """Leaves a verb's result for the catalogue, with time, version and hashes of the files it was given.

    `result` gives the result as JSON types; files are found among the values of `arguments`. Never raises.
    """
    try:
        folder = recording_folder()
        if folder is None:
            return
        inbox = folder / INBOX
        inbox.mkdir(parents=True, exist_ok=True)
        given = {name: str(value) if isinstance(value, Path) else value for name, value in (arguments or {}).items()}
        content = {
            "format": FORMAT,
            "verb": verb,
            "version": __version__,
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "arguments": given,
            "files": _hashes(given),
            "result": result(),
        }
        text = json.dumps(content, allow_nan=False, default=str)
        with written_whole(inbox / f"{time.time_ns()}-{uuid.uuid4().hex[:8]}.json") as temporary:
            temporary.write_text(text, encoding="utf-8")
    except Exception as error:
        print(f"not recorded in the catalogue: {' '.join(str(error).split())[:200]}", file=sys.stderr)


def record_device(
    verb: str, info: object, *, address: str, serial: str | None = None, free_flash_bytes: int | None = None
) -> None:
    """Leaves who answered on a link: `info` is its DeviceInfo; the free flash where the image is at hand."""
    fields = dict(vars(info))
    record(
        "device",
        lambda: {
            "info": fields,
            "address": address,
            "serial": serial or _serial_number(address),
            "free_flash_bytes": free_flash_bytes,
        },
        {"verb": verb, "address": address},
    )


def _serial_number(address: str) -> str | None:
    """The USB serial number of the device at a link's address, None where it has none."""
    from fieldwren.device.serial_port import find_port, serial_ports

    kind, _, rest = address.partition(":")
    if kind == "usb":
        return find_port(rest or None).serial_number
    return next((port.serial_number for port in serial_ports() if port.path == address), None)


def _hashes(arguments: Mapping[str, Any]) -> dict[str, str]:
    """SHA-256 of every argument that is a file, and of an app folder's manifest."""
    found: dict[str, str] = {}
    for value in arguments.values():
        if not isinstance(value, str) or not value or len(value) > 4096:
            continue
        path = Path(value)
        if path.is_dir():
            path = path / "fieldwren.toml"
        if path.is_file():
            found[str(path.resolve())] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found
