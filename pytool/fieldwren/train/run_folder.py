"""The folder of one training run: what went in, what happened, what came out.

recipe.toml, run.json (seed, data hash, versions, command), log.txt, history.json, curve.svg, metrics.json; while it runs also
checkpoint.npz, which `--resume` takes up.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldwren.files import written_whole
from fieldwren.train.checkpoint import Checkpoint, Epoch

_PACKAGES = ("fieldwren", "tensorflow", "keras", "numpy")
_WIDTH, _HEIGHT, _MARGIN = 560, 320, 48


def data_hash(*arrays: npt.NDArray[Any] | None) -> str:
    """SHA-256 over shapes, types and contents: of what the network sees."""
    digest = hashlib.sha256()
    for array in arrays:
        if array is not None:
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Of Python, the machine and the packages that decide what a training gives."""
    made = {"python": platform.python_version(), "machine": platform.machine()}
    for name in _PACKAGES:
        try:
            made[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            made[name] = "unknown"
    return made


class RunFolder:
    """Opened when everything is ready to train, so that a wrong option leaves nothing behind."""

    def __init__(self, path: Path, recipe: str, facts: Mapping[str, object], *, resume: bool) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        made = {**facts, "versions": versions()}
        self._fingerprint = hashlib.sha256(json.dumps([recipe, made], sort_keys=True).encode()).hexdigest()
        for left in path.glob(".*.npz.*"):  # of a process that was killed while it wrote
            left.unlink(missing_ok=True)
        if not resume:
            for name in (
                "checkpoint.npz",
                "teacher.npz",
                "teacher.keras",
                "log.txt",
                "history.json",
                "curve.svg",
                "metrics.json",
            ):
                (path / name).unlink(missing_ok=True)
        _write(path / "recipe.toml", recipe)
        _write(path / "run.json", json.dumps(made, indent=1, sort_keys=True) + "\n")

    def checkpoint(self, name: str = "checkpoint") -> Checkpoint:
        """Of this run; `name` tells a teacher's from the model's."""
        return Checkpoint(self.path / f"{name}.npz", self._fingerprint)

    def line(self, text: str) -> None:
        """Appends to log.txt."""
        with (self.path / "log.txt").open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")


def finish(path: Path, history: Sequence[Epoch], metrics: Mapping[str, object]) -> None:
    """Writes into the run folder `path` what came out; the checkpoints there are of no more use."""
    _write(path / "history.json", json.dumps([asdict(epoch) for epoch in history], indent=1) + "\n")
    _write(path / "metrics.json", json.dumps(metrics, indent=1, sort_keys=True) + "\n")
    _write(path / "curve.svg", curve(history))
    for name in ("checkpoint.npz", "teacher.npz"):
        (path / name).unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def curve(history: Sequence[Epoch]) -> str:
    """Loss (left axis) and, of classifiers, accuracy (right axis, 0 to 100 %) over the epochs, as SVG."""
    most = max((epoch.loss for epoch in history), default=1.0) or 1.0
    width, height = _WIDTH - 2 * _MARGIN, _HEIGHT - 2 * _MARGIN
    last = max(1, len(history) - 1)

    def line(shares: Sequence[float], colour: str) -> str:
        points = " ".join(
            f"{_MARGIN + width * i / last:.1f},{_MARGIN + height * (1 - share):.1f}" for i, share in enumerate(shares)
        )
        return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'

    def text(x: float, y: float, content: str, anchor: str = "start", colour: str = "black") -> str:
        return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}">{content}</text>'

    right, bottom = _WIDTH - _MARGIN, _HEIGHT - _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<path d="M{_MARGIN} {_MARGIN}V{bottom}H{right}V{_MARGIN}" fill="none" stroke="#888"/>',
        text(_MARGIN - 6, _MARGIN + 4, f"{most:.2g}", "end", "#1f5fa8"),
        text(_MARGIN - 6, bottom, "0", "end", "#1f5fa8"),
        text(_MARGIN, 24, "loss in training", "start", "#1f5fa8"),
        text(_MARGIN, bottom + 18, "1", "middle"),
        text(right, bottom + 18, str(len(history)), "middle"),
        text(_WIDTH / 2, bottom + 34, "epoch", "middle"),
        line([epoch.loss / most for epoch in history], "#1f5fa8"),
    ]
    shares = [epoch.accuracy for epoch in history if epoch.accuracy is not None]
    if len(shares) == len(history):
        parts += [
            text(right + 6, _MARGIN + 4, "100 %", "start", "#c05a1f"),
            text(right + 6, bottom, "0 %", "start", "#c05a1f"),
            text(right, 24, "accuracy in training", "end", "#c05a1f"),
            line(shares, "#c05a1f"),
        ]
    return "\n".join([*parts, "</svg>", ""])
