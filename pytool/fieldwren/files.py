"""Writing files so that a half-written one never stands at its final place."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from fieldwren.errors import cannot_write


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Gives a temporary path beside `path`, and renames it to `path` when the block ends without an exception."""
    path = Path(path)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise cannot_write(path, error) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes private files; a result gets the permissions that any new file would get.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        try:
            temporary.replace(path)
        except OSError as error:  # a folder of that name
            raise cannot_write(path, error) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_figures(path: str | Path, command: str, figures: Mapping[str, object]) -> None:
    """Measured `figures` as JSON, with the `command` line that measures them again (tools/measure_again.py) in front."""
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps({"command": command, **figures}, indent=1) + "\n", encoding="utf-8")
