"""Verbs about one model on one board: check, infer, verify, bench."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fieldwren.cli import output
from fieldwren.cli.options import board_option, json_option, model_argument

if TYPE_CHECKING:
    from rich.console import Console

    from fieldwren.bench import BenchResult
    from fieldwren.check import CheckResult, LearningCheck
    from fieldwren.infer import InferResult
    from fieldwren.verify import VerifyResult


@click.command()
@model_argument
@board_option
@json_option
def check(model: Path, board: str, json: bool) -> int:
    """Say whether MODEL fits a board, and if not why; nothing is compiled."""
    from fieldwren.check import check

    result = check(model, board)
    output.emit(result, json=json, show=_show_check)
    return 0 if result.fits else output.no(" ".join(reason.message for reason in result.reasons))


def _learning(learning: LearningCheck) -> str:
    if not learning.possible:
        return f"no: {learning.reason}"
    saved = (
        f"{learning.record_bytes:,} bytes a saved state, {learning.slots} slots, {learning.saves_per_day:.0f} saves a day for ten years"
        if learning.saves_per_day is not None
        else "nothing is saved on this board"
    )
    return (
        f"{learning.ram_bytes:,} bytes of RAM, flash {learning.tables_bytes:,} tables and about {learning.code_bytes:,} code, "
        f"up to {learning.classes_most} classes of {learning.features} features; {saved}"
    )


def _show_check(console: Console, result: CheckResult) -> None:
    from rich.table import Table

    console.print(f"{result.model} on {result.board}: {'fits' if result.fits else 'does not fit'}")
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    note = " (estimated)" if result.estimated else ""
    for name, value in (
        ("flash", f"{result.flash_bytes:,} bytes{note}: {result.weights_bytes:,} weights, {result.code_bytes:,} code"),
        (
            "RAM",
            f"{result.ram_bytes:,} bytes{note}: {result.arena_bytes:,} arena, {result.state_bytes:,} state, {result.stack_bytes:,} stack",
        ),
        ("MACs", f"{result.macs:,}"),
        ("learning", _learning(result.learning)),
        ("operators", ", ".join(f"{count} {name}" for name, count in result.ops.items())),
    ):
        table.add_row(f"  {name}", value)
    console.print(table)


@click.command()
@model_argument
@board_option
@click.option("--inputs", required=True, type=click.Path(path_type=Path), help=".npz with in0, in1, … [steps, *shape].")
@click.option("--outputs", required=True, type=click.Path(path_type=Path), help=".npz to write out0, out1, … to.")
@json_option
def infer(model: Path, board: str, inputs: Path, outputs: Path, json: bool) -> None:
    """Run MODEL over the steps of an .npz file on a board (host, or in an emulator)."""
    from fieldwren.infer import infer

    with output.progress(f"{model.name} on {board}"):
        result = infer(model, board, inputs, outputs)
    output.emit(result, json=json, show=_show_infer)


def _show_infer(console: Console, result: InferResult) -> None:
    console.print(f"{result.model} on {result.board}: {result.steps} steps, written to {result.outputs}")


@click.command()
@model_argument
@board_option
@click.option(
    "--steps", default=6, show_default=True, type=click.IntRange(1, 10000), help="Random inputs to compare on."
)
@click.option("--seed", default=0, show_default=True, help="Seed of the random inputs.")
@json_option
def verify(model: Path, board: str, steps: int | None, seed: int, json: bool) -> int:
    """Compare TensorFlow Lite Micro, fw_run on this computer and the C on the board, bit by bit."""
    from fieldwren.verify import verify

    with output.progress(f"{model.name} on {board}"):
        result = verify(model, board, steps=steps, seed=seed)
    output.emit(result, json=json, show=_show_verify)
    if result.difference is None:
        return 0
    d = result.difference
    return output.no(
        f"{result.model}: {d.got_by} differs from {d.expected_by} first in operator {d.operator} {d.layer} ({d.tensor!r}), "
        f"step {d.step}, element {d.index}: {d.got:g} instead of {d.expected:g} ({d.differing_values} values differ)"
    )


def _show_verify(console: Console, result: VerifyResult) -> None:
    console.print(f"{' == '.join(result.executors)}: {'equal' if result.equal else 'DIFFERENT'} ({result.steps} steps)")


@click.command()
@model_argument
@board_option
@json_option
def bench(model: Path, board: str, json: bool) -> None:
    """Count the instructions of one inference in the emulator and read sizes off the image."""
    from fieldwren.bench import bench

    with output.progress(f"{model.name} on {board}"):
        result = bench(model, board)
    output.emit(result, json=json, show=_show_bench)


def _show_bench(console: Console, result: BenchResult) -> None:
    from rich.table import Table

    console.print(
        f"{result.model} on {result.board}: {result.instructions:,} instructions for {result.macs:,} MACs"
        f"{'' if result.cycles_estimated is None else f', about {result.cycles_estimated:,} cycles'}\n"
        f"  weights {result.weights_bytes:,}, code {result.code_bytes:,}, RAM {result.ram_bytes:,} bytes "
        f"(arena {result.arena_bytes:,}, stack {result.stack_bytes:,})"
    )
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("operator", "kernel", "instructions", "MACs", "instr/MAC"):
        table.add_column(title, justify="left" if title in ("operator", "kernel") else "right")
    for layer in result.layers:
        ratio = f"{layer.instructions / layer.macs:.2f}" if layer.macs else ""
        table.add_row(
            f"{layer.operator} {layer.name}", layer.kernel, f"{layer.instructions:,.0f}", f"{layer.macs:,}", ratio
        )
    console.print(table)
