"""Writes the pages of docs/ that are made from the program itself; `--check` only says whether they are up to date."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from fieldwren.boards.document import boards_page
from fieldwren.cli.frame import fieldwren
from fieldwren.ops.document import operators_page

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"

RULES = """# The command line

This page is written by `make docs` from the program's own help.

Every verb is a thin wrapper over the Python function of the same name.

- **`--json`**: stdout is exactly one JSON document; verbs that stream (`run`, `monitor`) write one document per line.
  Everything else goes to stderr. A verb that fails before it wrote anything writes
  `{"error": sentence, "exit_code": n}` as its document.
- **Units**: rates are fractions from 0 to 1, times are milliseconds, sizes are bytes; unknown is `null`.
- **Errors** are one sentence, the last line of stderr: what is wrong, where, and what to do. `--debug` (before the
  verb; or `FIELDWREN_DEBUG=1`) shows tracebacks.
- **Nothing half-written**: a file or folder appears under its name when it is complete, or not at all.
- **Shell completion**: `eval "$(_FIELDWREN_COMPLETE=bash_source fieldwren)"` (also `zsh_source`, `fish_source`).

| exit code | meaning |
|---|---|
| 0 | done, or the answer is yes |
| 1 | the answer is no: does not fit, differs |
| 2 | bad input or usage |
| 3 | a tool, board or data set is missing; the toolchain refused; the disk is full |
| 4 | timeout, or the link to a device or emulator was lost |
| 70 | a bug in fieldwren: the sentence names a log with the traceback |
| 130 | interrupted |
"""


def cli_page() -> str:
    """docs/cli.md: the rules, then each verb with its help."""
    parts = [RULES]
    with fieldwren.make_context("fieldwren", [], resilient_parsing=True) as root:
        for name in fieldwren.list_commands(root):
            command = fieldwren.get_command(root, name)
            assert command is not None
            with click.Context(command, info_name=name, parent=root, max_content_width=100) as context:
                parts.append(f"## fieldwren {name}\n\n```text\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


def main() -> int:
    """0 when the pages are, or now are, up to date."""
    pages = {"boards.md": boards_page(), "cli.md": cli_page(), "operators.md": operators_page(ROOT / "tests")}
    if "--check" in sys.argv[1:]:
        return int(any((DOCS / name).read_text(encoding="utf-8") != text for name, text in pages.items()))
    DOCS.mkdir(exist_ok=True)
    for name, text in pages.items():
        (DOCS / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
