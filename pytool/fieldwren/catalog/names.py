"""What people write for a board, a model or a size, and what it means."""

from __future__ import annotations

import difflib
import re

from fieldwren.catalog.index import Index, Target
from fieldwren.errors import BadInputError


def parse_bytes(text: str) -> int:
    """`116kB` (1,000), `64KiB` (1,024), `1MB`, `1MiB` or plain bytes. Raises BadInputError for `KB`, which is either."""
    parsed = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    units = {"": 1, "B": 1, "kB": 1000, "MB": 1000**2, "KiB": 1024, "MiB": 1024**2}
    if parsed is None or parsed[2] not in units:
        raise BadInputError(f"{text!r} is no size: write kB or MB (powers of 1,000), KiB or MiB (of 1,024), or bytes")
    return round(float(parsed[1]) * units[parsed[2]])


def find_target(index: Index, name: str) -> Target:
    """The board or device with this title or id. Raises BadInputError naming what is near, or what it could be."""
    found = [target for target in index.targets if name in (target.name, target.id)]
    if len(found) == 1 or len({target.id for target in found}) == 1:
        return found[0]
    if found:
        raise BadInputError(f"{name!r} could be {', '.join(t.id for t in found)}: give one of these ids")
    near = difflib.get_close_matches(name, [target.name for target in index.targets], n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else "`fieldwren catalog find boards` lists them"
    raise BadInputError(f"the catalogue has no board or device {name!r}: {hint}")


def find_model(index: Index, name: str) -> int:
    """The row of the model with this name, id or hash (or the first eight digits of it). Raises as find_target."""
    found = [
        row
        for row, model in enumerate(index.models)
        if name in (model.name, model.id, model.identifier)
        or (len(name) >= 8 and model.identifier.startswith(name))
        or name == f"{model.name}.tflite"
    ]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(index.models[row].identifier[:12] for row in found[:5])
        raise BadInputError(f"{len(found)} models are called {name!r}: give one of the hashes {ids}")
    near = difflib.get_close_matches(name, [model.name for model in index.models], n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else "add its file with `fieldwren catalog add`"
    raise BadInputError(f"the catalogue has no model {name!r}: {hint}")
