"""Leave one alphabet out: how well the device's learner reads characters that the backbone has never seen.

    python -m fieldwren.train.few_shot --data ../shared/data/omniglot --models build/characters --out results.json

trains an app without each alphabet (or takes the one that an earlier run left in `--models`), and teaches it 5 drawings each
of 5 of that alphabet's characters, 100 times.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fieldwren.drawings import read_drawings
from fieldwren.errors import FieldwrenError
from fieldwren.files import written_whole
from fieldwren.learn import simulate
from fieldwren.train import train

WAYS, SHOTS, REPEATS = 5, 5, 100


def measure(data: Path, models: Path, seed: int) -> dict[str, float]:
    """Accuracy on each alphabet, by the C code of the device."""
    found = {}
    for alphabet in sorted({drawing.alphabet for drawing in read_drawings(data)}):
        app = models / f"{alphabet}-{seed}"
        if not (app / "model.tflite").exists():
            train(
                "characters",
                data,
                app,
                hold_out=alphabet,
                seed=seed,
                progress=lambda line: print(line, file=sys.stderr),
            )
        result = simulate(app, data, only=[alphabet], shots=SHOTS, repeats=REPEATS, ways=WAYS)
        found[alphabet] = round(result.accuracy_after, 4)
        print(f"{alphabet}: {100 * found[alphabet]:.1f} %", file=sys.stderr)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `python -m fieldwren.train.few_shot`."""
    parser = argparse.ArgumentParser(prog="python -m fieldwren.train.few_shot", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True, help="Folder for the trained apps.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    try:
        found = measure(given.data, given.models, given.seed)
        document = {
            "command": f"python -m fieldwren.train.few_shot --data {given.data} --models {given.models} --out {given.out}",
            "what": f"{WAYS}-way {SHOTS}-shot accuracy, frozen backbone and the device's head, mean of {REPEATS} draws",
            "accuracy": found,
            "mean": round(float(np.mean(list(found.values()))), 4),
            "worst": min(found.values()),
        }
        with written_whole(given.out) as temporary:
            temporary.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    except FieldwrenError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"mean {100 * float(np.mean(list(found.values()))):.1f} %, worst {100 * min(found.values()):.1f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main())
