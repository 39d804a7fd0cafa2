"""Options and arguments that several verbs share, so that they read the same everywhere."""

from __future__ import annotations

from pathlib import Path

import click

json_option = click.option("--json", "json", is_flag=True, help="Write the result as one JSON document.")
board_option = click.option("--board", required=True, help="Board id, or the path of a board's TOML file.")
model_argument = click.argument("model", type=click.Path(path_type=Path))
source_argument = click.argument("source", type=click.Path(path_type=Path))
optimise_option = click.option(
    "--optimise",
    type=click.Choice(["balanced", "size", "speed"]),
    default="balanced",
    show_default=True,
    help="balanced: kernels specialised for the model; size: fw_run executes the Program with one copy of each kernel (compare "
    "with bench: most models are smaller balanced); speed: code for every layer.",
)
personality_option = click.option(
    "--personality",
    type=click.Choice(["benchmark"]),
    help="benchmark: a .tflite behind the MLPerf Tiny device protocol.",
)
framework_option = click.option(
    "--framework", type=click.Choice(["arduino", "espidf"]), help="A PlatformIO project instead of bare metal."
)
