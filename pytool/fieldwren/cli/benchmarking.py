"""The verb for the public benchmark: mlperf-tiny."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fieldwren.cli import output
from fieldwren.cli.options import json_option, model_argument

if TYPE_CHECKING:
    from rich.console import Console

    from fieldwren.mlperf import MlperfResult


@click.command(name="mlperf-tiny")
@model_argument
@click.option(
    "--task", required=True, type=click.Choice(["kws01", "vww01", "ic01", "ad01"]), help="The benchmark's task."
)
@click.option(
    "--data", required=True, type=click.Path(path_type=Path), help="Folder with y_labels.csv and the files it names."
)
@click.option("--board", default="mps2-an386", show_default=True, help="Board id, or the path of a board's TOML file.")
@click.option("--address", help="A flashed board (usb, /dev/tty…) instead of the emulator.")
@click.option("--limit", type=click.IntRange(min=1), help="Only so many files.")
@click.option("--runner", type=click.Path(path_type=Path), help="The public runner's folder: it drives and scores.")
@click.option(
    "--mode", type=click.Choice(["accuracy", "performance"]), default="accuracy", help="Of the public runner."
)
@click.option("--output", "folder", type=click.Path(path_type=Path), help="Folder for the public runner's sessions.")
@json_option
def mlperf_tiny(
    model: Path,
    task: str,
    data: Path,
    board: str,
    address: str | None,
    limit: int | None,
    runner: Path | None,
    mode: str,
    folder: Path | None,
    json: bool,
) -> int:
    """Run accuracy and performance mode of MLPerf Tiny with MODEL as firmware.

    With --runner, the public runner's own unmodified sources do it over a pseudo terminal, in one mode.
    """
    if runner is not None:
        from fieldwren.mlperf.public import run_public

        if limit is not None or address is not None:
            raise click.UsageError("--limit and --address are not for the public runner")
        run = run_public(model, task=task, data=data, board=board, runner=runner, mode=mode, output=folder)
        output.emit(run, json=json, show=lambda console, result: console.print(f"sessions are in {result.output}"))
        return 0 if run.exit_code == 0 else output.no(f"the public runner ended with exit code {run.exit_code}")
    from fieldwren.mlperf import mlperf_tiny

    with output.progress(f"{task} with {model.name} on {board}"):
        result = mlperf_tiny(model, task=task, data=data, board=board, address=address, limit=limit)
    output.emit(result, json=json, show=_show)
    return 0


def _show(console: Console, result: MlperfResult) -> None:
    accuracy = "" if result.accuracy is None else f"top-1 accuracy {result.accuracy:.3f}, "
    area = "not defined (a class has no file)" if result.auc is None else f"{result.auc:.4f}"
    console.print(
        f"{result.task} with {result.model} on {result.board}: {accuracy}AUC {area} over {len(result.files)} files"
    )
    if result.instructions_per_inference is not None:
        console.print(f"  {result.instructions_per_inference:,.0f} instructions for one inference")
    else:
        laps = ", ".join(f"{result.iterations / (lap / 1e6):.2f}" for lap in result.laps_us if lap)
        console.print(f"  inferences a second: {laps}")
