"""Measures the figures of the model cards and pages again: runs the command that each results file holds.

    python tools/measure_again.py [FILE…]

Without files those of examples/*/results and docs/results. A file is replaced when its command has ended well.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def results() -> list[Path]:
    """Every results file with a command."""
    return sorted([*ROOT.glob("examples/*/results/*.json"), *ROOT.glob("docs/results/**/*.json")])


def main() -> int:
    """Runs all commands; 1 if one of them failed."""
    failed = 0
    for path in [Path(name) for name in sys.argv[1:]] or results():
        command = json.loads(path.read_text(encoding="utf-8")).get("command")
        if not command:
            continue
        print(f"{path.name}: {command}", file=sys.stderr, flush=True)
        words = shlex.split(command)
        program = [sys.executable, *words[1:]] if words[0] == "python" else [sys.executable, "-m", *words]
        failed += subprocess.run(program, cwd=ROOT, check=False).returncode != 0
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
