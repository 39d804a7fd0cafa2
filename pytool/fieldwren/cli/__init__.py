"""The command line: each verb is a thin wrapper over a Python function of the same name.

`frame` holds the rules that all verbs share, `output` writes results; the other modules are one verb group each and
are imported when one of their verbs is called. Imports of what a verb does stand inside the verb, so that
`fieldwren --help` loads nothing but click.
"""

from __future__ import annotations

from fieldwren.cli.frame import main

__all__ = ["main"]
