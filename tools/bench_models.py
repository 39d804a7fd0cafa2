"""`make bench`: measures everything, compares with docs/benchmarks.json, and writes it and docs/benchmarks.md.

Fails, writing nothing, when a figure is more than 2 % worse than the checked-in one; `--accept` takes it all the same.
What takes host time (lowering and rendering) is printed and never compared.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import click
import numpy as np
from measure_costs import graph_of, probe_of

from fieldwren.benchmarks.figures import MAIN_BOARD, Figures, measure, merged, models_at_hand, worse
from fieldwren.benchmarks.page import page
from fieldwren.boards import load_board
from fieldwren.boards.counting import COUNTED
from fieldwren.graph import Graph
from fieldwren.images import core_of
from fieldwren.ops.lowering import lower
from fieldwren.plan import plan
from fieldwren.render.environment import Provenance
from fieldwren.render.model import render_model
from fieldwren.tflite import read_model

DOCS = Path(__file__).resolve().parent.parent / "docs"
FIGURES, PAGE = DOCS / "benchmarks.json", DOCS / "benchmarks.md"
TIMED = ("mlperf_kws_dscnn", "tinymaix_vww96", "cfu_hps_74ops")


@click.command()
@click.option("--accept", is_flag=True, help="Write the new figures even where they are worse.")
@click.option("--board", "boards", multiple=True, default=COUNTED, show_default=True)
@click.option("--extra", multiple=True, metavar="NAME=FILE", help="Another model, e.g. mlperf_resnet8=resnet8.tflite.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1))
@click.option("--only", multiple=True, metavar="NAME", help="Measure these models alone, and no front end.")
def main(accept: bool, boards: tuple[str, ...], extra: tuple[str, ...], workers: int, only: tuple[str, ...]) -> None:
    """Measure every model at hand."""
    models = models_at_hand({name: Path(file) for name, _, file in (text.partition("=") for text in extra)})
    old: Figures = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.is_file() else {}
    unknown = sorted(set(only) - set(models))
    if unknown:
        raise click.UsageError(f"--only: not at hand: {', '.join(unknown)}.")
    new = measure(
        {name: path for name, path in models.items() if not only or name in only},
        boards=boards,
        workers=workers,
        front_ends=not only,
        progress=lambda text: click.echo(text, err=True),
    )
    report_times(models)
    absent = sorted(set(old.get("models", {})) - set(new["models"]))
    if absent and not only:
        click.echo(f"not at hand, kept as they were: {', '.join(absent)}")
    found = worse(old, new)
    for figure in found:
        click.echo(f"worse: {figure}")
    if found and not accept:
        if old["compilers"] != new["compilers"]:
            click.echo(f"the checked-in figures were made with {old['compilers']}, these with {new['compilers']}")
        click.echo(f"{len(found)} figures are more than 2 % worse; to take them: make bench ACCEPT=1")
        sys.exit(1)
    made = merged(old, new)
    FIGURES.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page(made), encoding="utf-8")
    click.echo(f"written: {FIGURES.relative_to(DOCS.parent)}, {PAGE.relative_to(DOCS.parent)}")


def report_times(models: dict[str, Path]) -> None:
    """Host time from file to C, for people: it depends on the machine."""
    core = core_of(load_board(MAIN_BOARD))
    graphs = {name: read_model(models[name]) for name in TIMED if name in models} | {"layers of 1.5 MB": _large()}
    render_model(plan(lower(next(iter(graphs.values())), core)), Provenance())  # what is read once: modules, templates
    for name, graph in graphs.items():
        began = time.perf_counter()
        render_model(plan(lower(graph, core)), Provenance())
        click.echo(f"lowering and rendering {name}: {time.perf_counter() - began:.2f} s")


def _large() -> Graph:
    """1.5 MB of weights, half in convolutions."""
    generator = np.random.default_rng(0)
    image, convolutions = (1, 12, 12, 256), 12
    layers = [
        *(
            probe_of(
                generator,
                "CONV_2D",
                image,
                (256, 1, 1, 256),
                image,
                number=number,
                channels=256,
                options={"stride_h": 1, "stride_w": 1, "padding": 0},
            )
            for number in range(convolutions)
        ),
        probe_of(generator, "FULLY_CONNECTED", (1, 1536), (512, 1536), (1, 512), number=0, channels=512),
    ]
    return graph_of(layers)


if __name__ == "__main__":
    main()
