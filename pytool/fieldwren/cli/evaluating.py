"""Verbs that measure a model on data: eval."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fieldwren.cli import output
from fieldwren.cli.options import json_option
from fieldwren.errors import BadInputError

if TYPE_CHECKING:
    from rich.console import Console

    from fieldwren.evaluate import EvaluateResult
    from fieldwren.evaluate.values import ValuesEvaluation


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Recordings or tables, see docs/data.md.")
@click.option("--only", multiple=True, help="A group (speaker, file stem) to measure on.  [default: all]")
@click.option("--tune", "tune_on", type=click.Path(path_type=Path), help="Continuous audio to set the threshold on.")
@click.option(
    "--false-accepts", default=1.0, show_default=True, type=click.FloatRange(0), help="Wanted an hour (--tune)."
)
@click.option("--save", "save_point", is_flag=True, help="Write what --tune found into the app's manifest.")
@click.option("--snr", "snr_db", metavar="DB,DB,…", default="", help="Also measure with noise so far below the words.")
@click.option("--report", type=click.Path(path_type=Path), help="Folder for a page with pictures.")
@json_option
def eval(
    source: Path,
    data: Path,
    only: tuple[str, ...],
    tune_on: Path | None,
    false_accepts: float,
    save_point: bool,
    snr_db: str,
    report: Path | None,
    json: bool,
) -> None:
    """Measure SOURCE, an app folder or a described .tflite, on data, with the C code of the device."""
    from fieldwren.evaluate import evaluate

    try:
        levels = [float(level) for level in snr_db.split(",") if level.strip()]
    except ValueError as error:
        raise click.BadParameter(f"{snr_db!r} is no list of numbers", param_hint="--snr") from error
    with output.progress(f"evaluating {source.name}") as say:
        result = evaluate(
            source,
            data,
            only=only,
            tune_on=tune_on,
            false_accepts_per_hour=false_accepts,
            save_point=save_point,
            snr_db=levels,
            progress=say,
        )
    if report is not None:
        from fieldwren.evaluate.report import write_report
        from fieldwren.evaluate.values import ValuesEvaluation

        if isinstance(result, ValuesEvaluation):
            raise BadInputError(f"{source}: its outputs are values; a report shows classes: leave out --report")
        output.note(f"report: {write_report(result, report)}")
    output.emit(result, json=json, show=_show)


def _show_values(console: Console, result: ValuesEvaluation) -> None:
    console.print(f"{result.app}: {result.metric} {result.accuracy:.4f} on {result.count:,} windows")
    for title, parts in (("kinds", result.per_class), ("groups", result.per_group)):
        if parts and len(parts) > 1:
            console.print(f"{title}: " + ", ".join(f"{name} {value:.3f}" for name, value in parts.items()))
    for name, value in result.figures.items():
        console.print(f"{name.replace('_', ' ')}: {value:.4g}")


def _show(console: Console, result: EvaluateResult | ValuesEvaluation) -> None:
    from rich.table import Table

    from fieldwren.evaluate.values import ValuesEvaluation

    if isinstance(result, ValuesEvaluation):
        _show_values(console, result)
        return
    if result.accuracy is not None and result.per_class is not None and result.per_group is not None:
        console.print(
            f"{result.app}: {100 * result.accuracy:.1f} % of {result.count} samples right, macro F1 {result.macro_f1:.3f}"
        )
        table = Table(box=None, padding=(0, 2, 0, 0))
        for title in ("class", "samples", "recall", "precision", "F1"):
            table.add_column(title, justify="left" if title == "class" else "right")
        for label, part in result.per_class.items():
            shares = (part.recall, part.precision, part.f1)
            table.add_row(label, str(part.count), *("" if s is None else f"{100 * s:.1f} %" for s in shares))
        console.print(table)
        groups = sorted(result.per_group.items(), key=lambda item: item[1])
        if len(groups) > 1:
            console.print("groups: " + ", ".join(f"{name} {100 * share:.1f} %" for name, share in groups))
    if result.ignored:
        console.print(f"{result.ignored} samples are of no class of this app and are not counted")
    for level, share in (result.robustness or {}).items():
        console.print(f"at {level} dB signal to noise: {100 * share:.1f} %")
    if result.hours is not None:
        console.print(
            f"{result.hours:.2f} h of audio: {result.detected} of {result.expected} words found, {result.false_accepts} false "
            f"accepts, {result.false_accepts_per_hour:.2f} an hour (below {result.fa_upper_95:.2f} with 95 % confidence), "
            f"at threshold {result.threshold:g} over {result.smoothing_ms:g} ms"
        )
