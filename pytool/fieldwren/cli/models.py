"""Verbs about one model on one board: check, infer, verify, bench."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fieldwren.cli import output
from fieldwren.cli.options import board_option, json_option, model_argument, optimise_option

if TYPE_CHECKING:
    from rich.console import Console

    from fieldwren.bench import BenchResult
    from fieldwren.bench_streaming import StreamingResult
    from fieldwren.check import CheckResult, LearningCheck
    from fieldwren.core import Optimise
    from fieldwren.infer import InferResult
    from fieldwren.verify import VerifyResult


@click.command()
@model_argument
@board_option
@json_option
def check(model: Path, board: str, json: bool) -> int:
    """Say whether MODEL, a .tflite or an app folder, fits a board, and if not why; nothing is compiled."""
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
        f"up to {learning.classes_most} classes of {learning.features} features; {saved}{_adapters(learning)}{_fleet(learning)}"
    )


def _fleet(learning: LearningCheck) -> str:
    made = learning.fleet
    return (
        f"; of that for the fleet {made.ram_bytes:,} bytes of RAM and about {made.code_bytes:,} of code" if made else ""
    )


def _adapters(learning: LearningCheck) -> str:
    made = learning.adapters
    if made is None:
        return ""
    more = "unknown" if made.instructions is None else f"{made.instructions:,}"
    return (
        f"; of that for adapters of {made.channels} channels {made.ram_bytes:,} bytes of RAM, {made.record_bytes:,} of a "
        f"saved state; {more} instructions more an inference"
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
@click.argument("model", required=False, type=click.Path(path_type=Path))
@click.option("--board", help="Board id, or the path of a board's TOML file; with --suite mps2-an386 unless given.")
@optimise_option
@click.option("--suite", is_flag=True, help="Measure the models of the bar table, beside a peer's stored figures.")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME=FILE",
    help="With --suite: a model of the table that lies elsewhere.",
)
@click.option("--streaming", is_flag=True, help="One hop of MODEL (an app folder or a .tflite) instead of one window.")
@click.option(
    "--hop-frames", type=click.IntRange(1), help="With --streaming and a .tflite.  [default: its stride in time]"
)
@json_option
def bench(
    model: Path | None,
    board: str | None,
    optimise: Optimise,
    suite: bool,
    models: tuple[str, ...],
    streaming: bool,
    hop_frames: int | None,
    json: bool,
) -> int:
    """Count the instructions of one inference of MODEL in the emulator and read sizes off the image.

    With --suite: the table of all models that have a bar, measured now; the exit code is 1 when one does not hold.
    """
    if streaming and suite:
        raise click.UsageError("--streaming measures one model, --suite those of the table.")
    if hop_frames is not None and not streaming:
        raise click.UsageError("--hop-frames belongs to --streaming.")
    if suite:
        return _suite(model, board, optimise, models, json=json)
    if model is None or board is None or models:
        what = "--model belongs to --suite" if models else "MODEL and --board are needed, or --suite"
        raise click.UsageError(f"{what}.")
    if streaming:
        from fieldwren.bench_streaming import bench_streaming

        with output.progress(f"{model.name} on {board}"):
            hop = bench_streaming(model, board, hop_frames=hop_frames, optimise=optimise)
        output.emit(hop, json=json, show=_show_hop)
        return 0
    from fieldwren.bench import bench

    with output.progress(f"{model.name} on {board}"):
        result = bench(model, board, optimise=optimise)
    output.emit(result, json=json, show=_show_bench)
    return 0


def _suite(model: Path | None, board: str | None, optimise: Optimise, models: tuple[str, ...], *, json: bool) -> int:
    from fieldwren.benchmarks.show import show_suite
    from fieldwren.benchmarks.suite import suite

    if model is not None:
        raise click.UsageError("--suite measures its own models; name others with --model NAME=FILE.")
    files = {}
    for text in models:
        name, equals, file = text.partition("=")
        if not (name and equals and file):
            raise click.UsageError(f"--model {text}: expected NAME=FILE.tflite.")
        files[name] = Path(file)
    with output.progress("the bar table") as update:
        result = suite(board, files, optimise=optimise, progress=update)
    output.emit(result, json=json, show=show_suite)
    if result.holds:
        return 0
    failing = [row.model for row in result.rows if not row.holds]
    failing += [other.model for other in result.portable if not other.holds]
    return output.no(f"{len(failing)} of the table's models miss a bar: {', '.join(failing)}")


def _show_hop(console: Console, result: StreamingResult) -> None:
    every = "" if result.hop_ms is None else f" every {result.hop_ms:g} ms"
    share = "" if result.cpu_share is None else f", {result.cpu_share:.1%} of the CPU with its front end"
    console.print(
        f"{result.model} on {result.board}: {result.instructions_per_hop:,} instructions{every}, "
        f"{result.instructions_full_window:,} for a whole window{share}\n"
        f"  state {result.state_bytes:,} bytes"
    )
    if result.reason:
        console.print(f"  runs whole windows: {result.reason}")
    if result.network and not result.streams:
        network = result.network
        console.print(
            f"  its network alone could do with {network.instructions_per_hop:,} instructions and {network.state_bytes:,} bytes "
            "of state a hop"
        )


def _show_bench(console: Console, result: BenchResult) -> None:
    from rich.table import Table

    from fieldwren.benchmarks.show import choice

    console.print(
        f"{result.model} on {result.board}: {result.instructions:,} instructions for {result.macs:,} MACs"
        f"{'' if result.cycles_estimated is None else f', about {result.cycles_estimated:,} cycles'}\n"
        f"  weights {result.weights_bytes:,}, code {result.code_bytes:,}, RAM {result.ram_bytes:,} bytes "
        f"(arena {result.arena_bytes:,}, stack {result.stack_bytes:,})"
    )
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("operator", "kernel", "instructions", "MACs", "instr/MAC", "chosen from (predicted)"):
        table.add_column(title, justify="right" if title in ("instructions", "MACs", "instr/MAC") else "left")
    for layer in result.layers:
        ratio = f"{layer.instructions / layer.macs:.2f}" if layer.macs else ""
        table.add_row(
            f"{layer.operator} {layer.name}",
            layer.kernel,
            f"{layer.instructions:,}",
            f"{layer.macs:,}",
            ratio,
            choice(layer.alternatives),
        )
    console.print(table)
