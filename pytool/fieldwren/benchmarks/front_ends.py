"""Instructions of a front end per frame, counted in the emulator."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fieldwren import paths
from fieldwren.boards import Board
from fieldwren.emulators import emulator_for
from fieldwren.errors import LinkLostError
from fieldwren.features import PRESETS, AudioFrontEnd, FrontEndParameters
from fieldwren.features.render import render_front_end, rendered
from fieldwren.features.tables import front_end_data
from fieldwren.images import cached_image
from fieldwren.render.environment import Provenance
from fieldwren.sources import Sources

_RESULT = struct.Struct("<QQ")
_SAMPLES = 16000
_TIMEOUT_S = 120.0

FRONT_ENDS: Mapping[str, FrontEndParameters] = {
    "mfcc": AudioFrontEnd(coefficient_count=10),
    "micro": PRESETS["micro-speech"],
    "log-mel-fixed": AudioFrontEnd(arithmetic="fixed"),
}
"""30 ms frames of 16 kHz: float MFCC (512 points, 40 mel, 10 coefficients), TFLM's micro front end, fixed-point log-mel."""


@dataclass(frozen=True)
class FrontEndCost:
    """Instructions of one frame (mean), bytes of tables in flash and of RAM."""

    instructions: int
    tables_bytes: int
    memory_bytes: int


def front_end_cost(parameters: FrontEndParameters, board: Board) -> FrontEndCost:
    """Counts over a second of noise with a chirp; interrupts are off."""
    firmware = paths.firmware()
    sources = Sources(
        files=render_front_end(parameters, Provenance()),
        firmware=(
            "personality/frontend.c",
            *(p.relative_to(firmware).as_posix() for p in sorted((firmware / "features").glob("*.c"))),
        ),
        defines={"FW_FRONTEND_KINDS": f"{1 << front_end_data(parameters).kind}u"},
    )
    image = cached_image(sources, board)
    run = emulator_for(board).run_to_exit(
        image.elf, board, files={"pcm.bin": _signal()}, timeout_s=_TIMEOUT_S, icount=True
    )
    data = run.files_written.get("frontend.bin", b"")
    if run.exit_code != 0 or len(data) != _RESULT.size:
        raise LinkLostError(f"{board.id}: the front end's image ended with code {run.exit_code}")
    frames, instructions = _RESULT.unpack(data)
    made = rendered(parameters)
    return FrontEndCost(round(instructions / frames), made.tables_bytes, made.memory_bytes)


def _signal() -> bytes:
    """Samples whose loudness and pitch move, so that no path is taken always or never."""
    t = np.arange(_SAMPLES) / _SAMPLES
    chirp = np.sin(2 * np.pi * (200 + 1500 * t) * t) * (0.5 + 0.5 * np.sin(2 * np.pi * 3 * t))
    noise = np.random.default_rng(0).normal(0.0, 0.05, _SAMPLES)
    return np.clip(12000 * (chirp + noise), -32768, 32767).astype("<i2").tobytes()
