"""What each network of the zoo reaches on real data, what quantising costs it, and whether a board gives the same bits.

    python -m fieldwren.train.zoo.accuracy --audio DIR --tables DIR --keep DIR --out FILE [--only NAME …]

Short trainings on a part of the windows: they compare networks and find what quantises badly, and are not the best that a
network can do. Each model is generated, built and run on BOARD beside the reference interpreter and the host.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fieldwren import paths
from fieldwren.check import check
from fieldwren.errors import FieldwrenError
from fieldwren.files import write_figures, written_whole
from fieldwren.train import recipe
from fieldwren.train.run import train
from fieldwren.verify import verify

BOARD = "mps2-an386"
Say = Callable[[str], None]


@dataclass(frozen=True)
class _Trial:
    """`hold_out` is measured on; `changes` are fields of the recipe's tables, or of the recipe itself."""

    example: str
    hold_out: str
    changes: Mapping[str, object]


_HEARING = _Trial(
    "digits",
    "theo",
    {
        "windows": {"spoken_digits": 2, "speech_commands": 8, "espeak": 0},
        "optimise": {"epochs": 8},
        "embedding": {"other_words": 0, "word_loss": 0.0, "whiten": False},
    },
)
_SENSING = _Trial("presence", "datatest", {})
TRIALS: Mapping[str, _Trial] = {
    "ds_cnn": _HEARING,
    "ds_cnn_stream": _HEARING,
    "mobilenet_audio": _HEARING,
    "crnn": _HEARING,
    "ssm": _HEARING,
    "mlp": _SENSING,
    "logistic": _SENSING,
    "tcn": _Trial("presence", "datatest", {"window_rows": 16}),
}


def measure(name: str, data: Path, folder: Path, say: Say) -> dict[str, object]:
    """Trains the network into the app `folder`, and checks and verifies its model on BOARD."""
    trial = TRIALS[name]
    settings = recipe_of(name)
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / "recipe.toml"
    written.write_text(recipe.to_toml(settings), encoding="utf-8")
    given = train(trial.example, data, folder, hold_out=trial.hold_out, recipe_file=written, progress=say)
    sizes = check(folder, BOARD)
    same = verify(folder / "model.tflite", BOARD)
    return {
        "network": name,
        "measured_on": given.measured_on,
        "test_count": given.test_count,
        "float_accuracy": round(given.float_accuracy, 4),
        "int8_accuracy": round(given.int8_accuracy, 4),
        "int8_loss": round(given.float_accuracy - given.int8_accuracy, 4),
        "params": given.params,
        "macs": given.macs,
        "flash_bytes": sizes.flash_bytes,
        "ram_bytes": sizes.ram_bytes,
        "same_bits": {"by": list(same.executors), "steps": same.steps, "equal": same.equal},
        "seconds": round(given.seconds),
        "recipe": settings.model_dump(mode="json", exclude_none=True),
    }


def recipe_of(name: str) -> recipe.Recipe:
    """The example's recipe with the network `name` in its default size and the trial's changes."""
    trial = TRIALS[name]
    base = recipe.load(paths.examples() / trial.example / "train.toml")
    assert isinstance(base, recipe.KeywordRecipe | recipe.PresenceRecipe)
    plain = recipe.with_model(base, name).model_dump(mode="json", exclude_none=True)
    for field, value in trial.changes.items():
        plain[field] = plain[field] | value if isinstance(value, dict) else value
    return type(base).model_validate(plain)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `python -m fieldwren.train.zoo.accuracy`."""
    parser = argparse.ArgumentParser(
        prog="python -m fieldwren.train.zoo.accuracy", description=str(__doc__).splitlines()[0]
    )
    parser.add_argument("--audio", type=Path, required=True, help="Recordings of digits.")
    parser.add_argument("--tables", type=Path, required=True, help="The occupancy tables.")
    parser.add_argument(
        "--keep", type=Path, required=True, help="Folder for the apps; what is there is not made again."
    )
    parser.add_argument("--only", action="append", choices=[*TRIALS], default=[])
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    rows = []
    try:
        for name in given.only or TRIALS:
            kept = given.keep / f"{name}.json"
            if not kept.is_file():
                data = given.audio if TRIALS[name].example == "digits" else given.tables
                row = measure(name, data, given.keep / name, lambda line: print(line, file=sys.stderr, flush=True))
                with written_whole(kept) as temporary:
                    temporary.write_text(json.dumps(row, indent=1) + "\n", encoding="utf-8")
            rows.append(json.loads(kept.read_text(encoding="utf-8")))
        command = f"python -m fieldwren.train.zoo.accuracy {' '.join(sys.argv[1:])}"
        write_figures(given.out, command, {"board": BOARD, "networks": rows})
    except FieldwrenError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
