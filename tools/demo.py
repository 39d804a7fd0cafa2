"""`make demo`: the examples as firmware in an emulator, from speech and sensor rows to detections.

The `digits` firmware hears synthetic speech (espeak-ng, or a recording given with --wav) as PCM over its serial link
and does the rest itself: front end, int8 network, smoothing, detections. Then `presence` reads sensor rows of a made-up
day. The last line is one JSON document, counted from the firmware's own lines; the exit code is 1 when it missed
something.
"""

from __future__ import annotations

import csv
import json
import sys
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from fieldwren import paths
from fieldwren.cli import output
from fieldwren.device import Detected, DeviceInfo, event_text
from fieldwren.errors import FieldwrenError
from fieldwren.run import Started, run
from fieldwren.train.synth import Voice, say

RUNS = Path(__file__).resolve().parent.parent / "runs" / "demo"
SAMPLE_RATE_HZ = 16_000
PAUSE_S = 0.9
PEAK = 0.3
NOISE_RMS = 3e-4
LATEST_MS = 1_200
"""How long after the end of a word its detection still counts: one window and the smoothing."""

VOICES = (
    Voice("en-us", pitch=45, words_per_minute=140),
    Voice("en-gb", "f2", pitch=60, words_per_minute=150),
    Voice("en-gb-scotland", "m3", pitch=40, words_per_minute=145),
)
WORDS = ("three", "one", "four", "two", "five", "nine", "six", "eight", "seven", "zero")


@dataclass(frozen=True)
class Expected:
    """What should be reported, and the time of the input in which that counts."""

    label: str
    from_ms: float
    to_ms: float


@dataclass(frozen=True)
class Outcome:
    """What one app's firmware reported of what was expected (None: nothing is known about the input)."""

    expected: int | None
    detected: int
    image_sha256: str


def speech(words: Sequence[str]) -> tuple[NDArray[np.int16], list[Expected]]:
    """The words by alternating voices with pauses and faint noise: 16 kHz samples, and when each word is said."""
    generator = np.random.default_rng(0)
    pause = np.zeros(round(PAUSE_S * SAMPLE_RATE_HZ))
    parts, expected, position = [pause], [], len(pause)
    for number, word in enumerate(words):
        said = say(word, VOICES[number % len(VOICES)]).astype(np.float64)
        said *= PEAK / np.abs(said).max()
        parts += [said, pause]
        end = position + len(said)
        to_ms = [1000 * samples / SAMPLE_RATE_HZ for samples in (position, end)]
        expected.append(Expected(word, to_ms[0], to_ms[1] + LATEST_MS))
        position = end + len(pause)
    signal = np.concatenate(parts)
    signal += generator.normal(0, NOISE_RMS, len(signal))
    return np.rint(np.clip(signal, -1, 1) * 32767).astype(np.int16), expected


def write_wav(path: Path, samples: NDArray[np.int16]) -> None:
    """16-bit mono PCM."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes(samples.astype("<i2").tobytes())


def office_day(path: Path) -> list[tuple[int, str]]:
    """Writes three hours of made-up rows, one a minute; returns the rows from which the room is in another state."""
    came, left, minutes = 45, 130, 180
    generator = np.random.default_rng(1)
    carbon_dioxide, temperature = 450.0, 20.6
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("Temperature", "Humidity", "Light", "CO2", "HumidityRatio"))
        for minute in range(minutes):
            present = came <= minute < left
            carbon_dioxide += 0.03 * ((1000.0 if present else 450.0) - carbon_dioxide)
            temperature += 0.02 * ((22.0 if present else 20.6) - temperature)
            light = (460.0 if present else 20.0) + generator.normal(0, 4)
            humidity = 25.5 + (1.5 if present else 0.0) + generator.normal(0, 0.05)
            values = (temperature, humidity, light, carbon_dioxide, 1.55e-4 * humidity)
            rows.writerow([f"{value:.5f}" for value in values])
    return [(0, "vacant"), (came, "occupied"), (left, "vacant")]


def listen(
    app: str, board: str, expected: list[Expected] | None, *, wav: Path | None = None, rows: Path | None = None
) -> Outcome:
    """Runs an example, prints its detections as they come, and counts those that were expected."""
    info: DeviceInfo | None = None
    missing = list(expected or ())
    found = total = 0
    for event in run(paths.examples() / app, board, wav=wav, csv=rows):
        if isinstance(event, Started):
            info = event.info
            click.echo(f"\n{info.app} on {info.board}, image {info.image}")
        elif isinstance(event, Detected):
            total += 1
            match = next((e for e in missing if e.label == event.label and e.from_ms <= event.t_ms <= e.to_ms), None)
            if match is not None:
                missing.remove(match)
                found += 1
            click.echo(event_text(event) + ("" if match or expected is None else "   (not expected)"))
    assert info is not None, "run yields Started first"
    for absent in missing:
        click.echo(f"{absent.from_ms / 1000:9.2f} s  {absent.label:<20} missed")
    if expected is None:
        return Outcome(None, total, info.image)
    return Outcome(len(expected), found, info.image)


@click.command()
@click.option("--board", default="mps2-an386", show_default=True, help="An emulated board.")
@click.option("--wav", type=click.Path(path_type=Path), help="Speech to listen to instead of espeak-ng's: 16 kHz mono.")
def main(board: str, wav: Path | None) -> None:
    """Run the examples in an emulator."""
    RUNS.mkdir(parents=True, exist_ok=True)
    try:
        expected = None
        if wav is None:
            wav = RUNS / "digits.wav"
            samples, expected = speech(WORDS)
            write_wav(wav, samples)
        digits = listen("digits", board, expected, wav=wav)
        changes = office_day(RUNS / "rows.csv")
        minute_ms = 60_000
        presence = listen(
            "presence",
            board,
            [Expected(label, row * minute_ms, (row + 5) * minute_ms) for row, label in changes],
            rows=RUNS / "rows.csv",
        )
    except FieldwrenError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
    click.echo()
    click.echo(json.dumps({**vars(digits), "presence": output.plain(presence)}))
    sys.exit(any(o.expected is not None and o.detected < o.expected for o in (digits, presence)))


if __name__ == "__main__":
    main()
