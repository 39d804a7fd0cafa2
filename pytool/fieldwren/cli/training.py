"""Verbs that make models: train, convert."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from fieldwren.cli import output
from fieldwren.cli.options import json_option

if TYPE_CHECKING:
    from rich.console import Console

    from fieldwren.train import TrainResult
    from fieldwren.train.convert import ConvertResult


@click.command()
@click.argument("example")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder of recordings or tables.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="App folder to write.")
@click.option(
    "--hold-out",
    metavar="NAME",
    help="Speaker (digits), file stem (presence, anomaly), alphabet (characters) to measure on.",
)
@click.option("--without-classes", metavar="A,B,…", default="", help="Classes to leave out.")
@click.option("--seed", type=int, help="Instead of the recipe's.")
@click.option("--recipe", type=click.Path(path_type=Path), help="train.toml to use instead of the example's.")
@click.option("--allow-leak", multiple=True, metavar="COLUMN", help="Go on although COLUMN gives the label away.")
@click.option("--model", metavar="NAME", help="Another network than the recipe's, see docs/training.md.")
@click.option("--budget", metavar="NAME", help="Preset that the network must keep to: dcase.")
@click.option("--board", metavar="BOARD", help="Board whose memory the network must keep to.")
@click.option("--teacher", metavar="FILE", help="Keras model to learn from, or `transformer`, which is trained first.")
@click.option("--run", type=click.Path(path_type=Path), help="Run folder.  [default: OUT/run]")
@click.option("--resume", is_flag=True, help="Go on with the interrupted training in the run folder.")
@json_option
def train(
    example: str,
    data: Path,
    out: Path,
    hold_out: str | None,
    without_classes: str,
    seed: int | None,
    recipe: Path | None,
    allow_leak: tuple[str, ...],
    model: str | None,
    budget: str | None,
    board: str | None,
    teacher: str | None,
    run: Path | None,
    resume: bool,
    json: bool,
) -> None:
    """Train EXAMPLE on a folder of data: OUT becomes an app folder with an int8 model.

    EXAMPLE is digits, presence, characters, sine or anomaly, or keyword for recordings of words of your own, one folder a
    word.
    """
    from fieldwren.train import train

    with output.bar(f"training {example}") as (say, tick):
        result = train(
            example,
            data,
            out,
            hold_out=hold_out,
            without_classes=[name.strip() for name in without_classes.split(",") if name.strip()],
            seed=seed,
            recipe_file=recipe,
            allow_leaks=allow_leak,
            model=model,
            budget=budget,
            board=board,
            teacher=teacher,
            run=run,
            resume=resume,
            progress=say,
            tick=tick,
        )
    output.emit(result, json=json, show=_show)


def _show(console: Console, result: TrainResult) -> None:
    console.print(
        f"int8 {100 * result.int8_accuracy:.1f} %, float {100 * result.float_accuracy:.1f} % of {result.test_count} "
        f"examples that training never saw: {result.measured_on}"
    )
    console.print(
        f"{result.params:,} parameters, {result.macs:,} multiply-accumulates, trained in {result.seconds:.0f} s"
    )


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--calibration", required=True, type=click.Path(path_type=Path), help="Folder of real inputs, see docs/data.md."
)
@click.option("-o", "--output", "target", required=True, type=click.Path(path_type=Path), help="The .tflite to write.")
@click.option("--front-end", metavar="NAME", help="Preset, .json file or app folder that the model was trained with.")
@click.option("--labels", metavar="A,B,…", default="", help="Names of the outputs, in order.")
@click.option(
    "--activations", type=click.Choice(["int8", "int16"]), default="int8", show_default=True, help="Their width."
)
@click.option(
    "--fine-tune/--no-fine-tune", default=True, show_default=True, help="If more than a point of accuracy is lost."
)
@json_option
def convert(
    model: Path,
    calibration: Path,
    target: Path,
    front_end: str | None,
    labels: str,
    activations: Literal["int8", "int16"],
    fine_tune: bool,
    json: bool,
) -> None:
    """Quantise MODEL, a Keras file or SavedModel folder, to integers, and say what that costs."""
    from fieldwren.train.convert import convert

    with output.progress(f"converting {model.name}") as say:
        result = convert(
            model,
            calibration,
            target,
            front_end=front_end,
            labels=[name.strip() for name in labels.split(",") if name.strip()],
            activations=activations,
            fine_tune=fine_tune,
            progress=say,
        )
    output.emit(result, json=json, show=_show_convert)


def _show_convert(console: Console, result: ConvertResult) -> None:
    float_part = "" if result.float_metric is None else f"float {result.float_metric:.4f}, "
    console.print(
        f"{result.model}: {result.metric} {float_part}{result.activations} {result.int8_metric:.4f} on {result.examples} "
        f"examples{', fine-tuned' if result.fine_tuned else ''}; {result.bytes:,} bytes"
    )
    for layer in result.worst_layers:
        console.print(f"  {layer.sqnr_db:5.1f} dB  {layer.operator}  {layer.layer}")
    if result.unfolded:
        console.print(f"  not folded: {', '.join(result.unfolded)}")
    console.print(result.suggestion)
