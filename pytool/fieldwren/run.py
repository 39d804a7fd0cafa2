"""`fieldwren run`: an app's firmware in its emulator, fed a recording or sensor rows; what it reports, as it reports it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwren.app import load_app
from fieldwren.app_model import AppModel
from fieldwren.app_rows import read_app_rows
from fieldwren.app_streaming import load_device_app
from fieldwren.boards import load_board
from fieldwren.core import Optimise
from fieldwren.datasets import image_rows
from fieldwren.device import DeviceClient, DeviceInfo, Event
from fieldwren.drawings import read_ink
from fieldwren.emulators import emulator_for
from fieldwren.errors import BadInputError
from fieldwren.features import SensorFrontEnd
from fieldwren.features.wav import read_wav
from fieldwren.images import cached_image
from fieldwren.render.app import app_sources


@dataclass(frozen=True)
class Started:
    """The first event: who answered on the link, and the flash for apps that its image leaves (None: not its to say)."""

    info: DeviceInfo
    free_flash_bytes: int | None = None


RunEvent = Started | Event


def run(
    app: str | Path,
    board: str,
    *,
    wav: str | Path | None = None,
    csv: str | Path | None = None,
    image: Sequence[str | Path] = (),
    optimise: Optimise = "balanced",
    surround: bool = True,
) -> Iterator[RunEvent]:
    """Builds the firmware of the app folder `app`, starts it, feeds it over the link, and yields what it says.

    Exactly one of `wav` (16-bit mono at the app's rate), `csv` (a header with the app's channels) and `image` (drawings,
    .png, one after the other) is given, as the app's front end needs. The first event is Started, the last a StreamEnd.
    Times are those of the input.

    A recording is played into silence (`surround`): a device listens before a word and after it, and a word at the
    edge of a recording, or a recording shorter than the app's window, would otherwise never be whole in a window.
    Raises BadInputError for an input that does not fit the app, LinkLostError when the firmware stops answering.
    """
    target = load_board(board)
    emulator = emulator_for(target)
    model, planned = load_device_app(load_app(app), target, optimise)
    elements = _elements(model, wav, csv, image)
    lead_ms = 0
    if wav is not None and surround:
        elements, lead_ms = _surrounded(model, elements)
    built = cached_image(app_sources(model, planned, target, optimise=optimise), target)
    with (
        emulator.start(built.elf, target) as device,
        DeviceClient(device, f"{model.app.name} on {target.id}") as client,
    ):
        yield Started(client.info, target.memory.app.bytes - built.flash_bytes if target.memory else None)
        for event in client.stream(elements):
            yield replace(event, t_ms=max(0, event.t_ms - lead_ms))


def _surrounded(model: AppModel, samples: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """The recording with silence before and after it, and how many milliseconds were put before.

    As long as a window and the smoothing: the last whole window of the recording is heard as often as any other.
    """
    front_end = model.front_end
    assert not isinstance(front_end, SensorFrontEnd)
    window = front_end.window_samples + (front_end.window_frames - 1) * front_end.hop_samples
    seconds = window / front_end.sample_rate_hz + model.app.detector.smoothing_ms / 1000
    silence = np.zeros(int(np.ceil(seconds)) * front_end.sample_rate_hz, samples.dtype)
    return np.concatenate([silence, samples, silence]), 1000 * len(silence) // front_end.sample_rate_hz


def _elements(
    model: AppModel, wav: str | Path | None, csv: str | Path | None, image: Sequence[str | Path]
) -> NDArray[Any]:
    """Samples int16 [n], rows float32 [n, columns] or rows of images int8 for the app's front end."""
    front_end = model.front_end
    name = model.app.name
    if model.app.kind == "characters" and isinstance(front_end, SensorFrontEnd):
        if wav is not None or csv is not None or not image:
            raise BadInputError(f"{name}: looks at images: give --image with drawings (.png)")
        return image_rows(front_end, [read_ink(Path(file)) for file in image])
    if image:
        raise BadInputError(f"{name}: is of kind {model.app.kind}, and only apps for characters look at images")
    if wav is not None and csv is not None:
        raise BadInputError(f"{name}: give --wav or --csv, not both")
    if isinstance(front_end, SensorFrontEnd):
        if csv is None:
            raise BadInputError(f"{name}: takes rows: give --csv with the columns {', '.join(model.row_columns)}")
        return read_app_rows(csv, model)
    if wav is None:
        raise BadInputError(f"{name}: listens: give --wav with 16-bit mono samples at {front_end.sample_rate_hz} Hz")
    return read_wav(wav, rate_hz=front_end.sample_rate_hz)[0]
