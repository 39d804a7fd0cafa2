"""The bar table and the planner's choices for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fieldwren.program import Alternative

if TYPE_CHECKING:
    from rich.console import Console

    from fieldwren.benchmarks.suite import SuiteResult, SuiteRow

_MARKS = {True: "ok", False: "MISSED"}


def thousands(count: int) -> str:
    """1,234,567 as 1.23 M, 12,345 as 12.3 k, 123 as it is."""
    if count >= 999_500:
        return f"{count / 1e6:.3g} M"
    return f"{count / 1e3:.3g} k" if count >= 10_000 else str(count)


def choice(alternatives: Sequence[Alternative]) -> str:
    """What a layer's variant was chosen from, the chosen one first: "1x1 61.2 k; windows 80.1 k; portable 201 k"."""
    if len(alternatives) < 2:
        return ""
    return "; ".join(
        f"{a.name} {'not measured' if a.instructions is None else thousands(a.instructions)}" for a in alternatives
    )


def show_suite(console: Console, result: SuiteResult) -> None:
    """The table, what was missing, and where the peer's figures come from."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    titles = (
        *("model", "instructions", "peer", "÷ peer", "bar", "goal", "cycles est."),
        *("code / limit", "constants ÷ .tflite", "RAM / limit (peer)", "full: code, RAM"),
    )
    for number, title in enumerate(titles):
        table.add_column(title, justify="left" if number == 0 else "right")
    for row in result.rows:
        table.add_row(*_cells(row))
    console.print(f"{result.board}, {result.optimise}; peer: {result.peer}")
    console.print(table)
    if result.portable:
        console.print("\nno peer: against this project's portable kernels on the same core")
        for other in result.portable:
            console.print(
                f"  {other.model}: {other.instructions:,} of {other.portable_instructions:,} instructions, "
                f"{other.ratio:.2f} (at most {other.limit:.2f}: {_MARKS[other.holds]})"
            )
    for row in result.rows:
        if row.stands_for:
            console.print(f"{row.model}: measured on {row.file}: {row.stands_for}")
    for name in result.missing:
        console.print(f"{name}: not at hand, not measured: give it with --model {name}=FILE.tflite")
    console.print(f"peer's figures: {result.peer_measured}")


def _cells(row: SuiteRow) -> tuple[str, ...]:
    holds = {limit.name: _MARKS[limit.holds] for limit in row.limits}
    full = "no app" if row.full is None else f"{row.full.code_bytes:,}, {row.full.ram_bytes:,}"
    return (
        row.model,
        f"{row.instructions:,}",
        f"{row.peer_instructions:,}",
        f"{row.ratio:.2f}",
        f"{thousands(row.bar)} {holds['instructions']}",
        f"{thousands(row.goal)} {'reached' if row.reaches_goal else 'not yet'}",
        "" if row.cycles_estimated is None else f"{row.cycles_estimated:,}",
        f"{row.code_bytes:,} / {row.code_limit_bytes:,} {holds['code']}",
        f"{row.constants_ratio:.3f} {holds['constants']}",
        f"{row.ram_bytes:,} / {row.ram_limit_bytes:,} ({row.peer_ram_bytes:,}) {holds['ram']}",
        full,
    )
