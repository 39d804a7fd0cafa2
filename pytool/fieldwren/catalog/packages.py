"""Imported before anything else of the catalogue: says in one sentence what must be installed."""

from __future__ import annotations

from fieldwren.errors import MissingToolError

try:
    import pyoxigraph  # noqa: F401 - only to see that it is there
except ImportError as error:
    raise MissingToolError(
        "pyoxigraph, the catalogue's store, is not installed: `pip install 'fieldwren[catalog]'`"
    ) from error
