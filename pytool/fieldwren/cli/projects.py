"""Verbs that make firmware: generate, build."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fieldwren.cli import output
from fieldwren.cli.options import (
    board_option,
    framework_option,
    json_option,
    optimise_option,
    personality_option,
    source_argument,
)

if TYPE_CHECKING:
    from rich.console import Console

    from fieldwren.core import Optimise
    from fieldwren.generate import BuildResult, GenerateResult, Personality
    from fieldwren.render.package import Form


@click.command()
@source_argument
@click.option("--board", help="Board id, or the path of a board's TOML file.")
@click.option(
    "--as",
    "form",
    type=click.Choice(["arduino-library", "espidf-component", "zephyr-module", "platformio-library", "cmake"]),
    help="A library for your own firmware instead of a project; --board then only chooses the kernels.",
)
@click.option("--output", "directory", required=True, type=click.Path(path_type=Path), help="Folder of the project.")
@optimise_option
@framework_option
@personality_option
@click.option("--wav", type=click.Path(path_type=Path), help="What the microphone in Renode hears (16-bit mono).")
@click.option("--label", help="What is said in it; Renode's test suite waits for this detection.")
@json_option
def generate(
    source: Path,
    board: str | None,
    form: Form | None,
    directory: Path,
    optimise: Optimise,
    framework: str | None,
    personality: Personality | None,
    wav: Path | None,
    label: str | None,
    json: bool,
) -> None:
    """Write a PlatformIO project for SOURCE, an app folder or a .tflite; or, of an app, a library."""
    from fieldwren.generate import generate, package

    if form is not None:
        if framework or personality or wav or label:
            raise click.UsageError("--as goes with --board, --optimise and --output only")
        made = package(source, form, directory, board=board or "host", optimise=optimise)
        output.emit(
            made, json=json, show=lambda console, made: console.print(f"{made.name} as {made.form}: {made.directory}")
        )
        return
    if board is None:
        raise click.UsageError("Missing option '--board' (or '--as').")
    result = generate(
        source,
        board,
        directory,
        optimise=optimise,
        personality=personality,
        wav=wav,
        label=label,
        framework=framework,
    )
    output.emit(result, json=json, show=_show_generate)


def _show_generate(console: Console, result: GenerateResult) -> None:
    console.print(f"{result.name} for {result.board}: {result.directory}")
    for name in result.files:
        console.print(f"  {name}")
    without = ", or without a network with `pio run -c offline.ini`" if "offline.ini" in result.files else ""
    console.print(f"Build it with `pio run`{without}.")


@click.command()
@source_argument
@board_option
@click.option(
    "--output", "directory", type=click.Path(path_type=Path), help="Folder of the project.  [default: the cache]"
)
@optimise_option
@framework_option
@personality_option
@json_option
def build(
    source: Path,
    board: str,
    directory: Path | None,
    optimise: Optimise,
    framework: str | None,
    personality: Personality | None,
    json: bool,
) -> None:
    """Generate and build SOURCE, an app folder or a .tflite, with PlatformIO."""
    from fieldwren.generate import build

    with output.progress(f"building {source.name} for {board}"):
        result = build(source, board, directory, optimise=optimise, personality=personality, framework=framework)
    output.emit(result, json=json, show=_show_build)


def _show_build(console: Console, result: BuildResult) -> None:
    weights = "" if result.weights_bytes is None else f" ({result.weights_bytes:,} weights)"
    console.print(
        f"{result.name} for {result.board}: {result.elf}\n  flash {result.flash_bytes:,} bytes{weights}, "
        f"static RAM {result.ram_static_bytes:,} bytes, stack {result.stack_bytes:,} bytes"
    )
