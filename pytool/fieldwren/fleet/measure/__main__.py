"""`python -m fieldwren.fleet.measure WHAT [--data DIR] --out FILE`: what docs/fleet.md has of figures."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from fieldwren.errors import FieldwrenError
from fieldwren.files import written_whole

WHAT = {
    "scale": "scale",
    "flower": "scale",
    "emulated": "emulated",
    "digits": "digits",
    "exchange": "digits",
    "faults": "digits",
    "adapters": "adapters",
    "reach": "reach",
    "sine": "sine",
    "characters": "characters",
}
"""Measurement → module with a function of its name, which takes the data folder and gives a JSON object."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one measurement and writes its result with the command that made it."""
    parser = argparse.ArgumentParser(prog="python -m fieldwren.fleet.measure", description=__doc__)
    parser.add_argument("what", choices=list(WHAT))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--apps", type=Path, help="characters: folder of apps trained without an alphabet each")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    measure: Callable[..., Mapping[str, Any]] = getattr(
        import_module(f"fieldwren.fleet.measure.{WHAT[given.what]}"), given.what
    )
    try:
        more = {"apps": given.apps} if given.apps is not None else {}
        result = measure(given.data, **more)
        command = f"python -m fieldwren.fleet.measure {given.what} --data ../shared/data --out {given.out.as_posix()}"
        command += " --apps APPS" if more else ""
        document = {"command": command, "python": platform.python_version(), **result}
        given.out.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(given.out) as temporary:
            temporary.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    except FieldwrenError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(json.dumps(document, indent=1))
    return 0 if result["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
