"""What a device heard and what it said, as files that `eval` and `train` read: X.wav, X.csv, and X.json about them."""

from __future__ import annotations

import contextlib
import csv
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from fieldwren.device.capture import Capture, Piece
from fieldwren.device.client import DeviceClient
from fieldwren.device.results import Detected, DeviceRefusedError
from fieldwren.device.wav_writer import WavWriter
from fieldwren.errors import BadInputError, LinkLostError, cannot_write

GAP_SECONDS_MOST = 10.0
"""A shorter gap is filled with silence and marked; behind a longer one a new file begins."""

_HOW = {
    "pcm": "sent as 16-bit PCM",
    "ima-adpcm": "sent as IMA ADPCM (4 bits a sample) and decoded: not bit by bit what the device heard",
}


@dataclass(frozen=True)
class Gap:
    """Audio that was lost, in seconds from the start of the file; there it is silence."""

    start_s: float
    end_s: float


@dataclass(frozen=True)
class Recorded:
    """One recording; what X.json says."""

    wav: str
    app: str
    board: str
    image: str
    model_sha256: str
    encoding: str
    sample_rate_hz: int
    began: str
    t_ms: int
    seconds: float
    detections: int
    gaps: tuple[Gap, ...]


class Recorder:
    """Records a device into a folder while somebody listens to it (`DeviceClient.events`); `step` now and then.

    >>> with DeviceClient.open("usb") as device, Recorder(device, "kitchen") as recorder:
    ...     for event in device.events(60.0):
    ...         recorder.note(event)
    ...         recorder.step()
    """

    def __init__(self, client: DeviceClient, folder: str | Path) -> None:
        """Raises BadInputError for an app whose audio must not leave the device, or a folder that cannot be written."""
        self.recorded: list[Recorded] = []
        self._client = client
        self._folder = Path(folder)
        self._file: _File | None = None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(self._folder, error) from error
        self._capture = self._started()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def note(self, event: object) -> None:
        """A detection, which goes into the table; anything else is ignored."""
        if isinstance(event, Detected):
            if self._file is None:
                self._open(0)
            assert self._file is not None
            self._file.detections.append(event)

    def step(self) -> None:
        """Writes what has come. When the app was started anew on the device, the next file begins."""
        self._write(self._capture.take())
        if self._capture.ended:
            self._finish()
            self._capture = self._started()

    def close(self) -> list[Recorded]:
        """Ends the recording; all files, whole, also when the device is gone."""
        with contextlib.suppress(LinkLostError):
            self._write(self._capture.stop())
        self._write(self._capture.take())
        self._finish()
        return self.recorded

    def _started(self) -> Capture:
        self._samples = 0
        try:
            return self._client.capture()
        except DeviceRefusedError as error:
            if error.code not in ("forbidden", "unknown_command"):
                raise
            raise BadInputError(
                f"{self._client.name}: its app does not let audio leave the device: set `capture = true` under [link] in its "
                "fieldwren.toml and flash it again"
            ) from error

    def _write(self, pieces: Sequence[Piece]) -> None:
        rate = self._capture.format.sample_rate_hz
        for piece in pieces:
            if piece.missing > GAP_SECONDS_MOST * rate:
                self._finish()
            elif piece.missing:
                self._open(0)
                assert self._file is not None
                self._file.gap(piece.missing)
            if len(piece.samples):
                self._open(piece.missing)
                assert self._file is not None
                self._file.wav.write(piece.samples)
            self._samples += piece.missing + len(piece.samples)

    def _open(self, ahead: int) -> None:
        if self._file is None:
            t_ms = self._capture.format.t_ms + 1000 * (self._samples + ahead) // self._capture.format.sample_rate_hz
            try:
                self._file = _File(self._folder, self._client, self._capture, t_ms)
            except OSError as error:
                raise cannot_write(self._folder, error) from error

    def _finish(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            try:
                self.recorded.append(file.close())
            except OSError as error:
                raise cannot_write(self._folder, error) from error


class _File:
    """One WAV file in the making, under a hidden name until it is whole."""

    def __init__(self, folder: Path, client: DeviceClient, capture: Capture, t_ms: int) -> None:
        self.detections: list[Detected] = []
        self._folder = folder
        self._info = client.info
        self._format = capture.format
        self._t_ms = t_ms
        self._began = time.localtime()
        self._stem = _free_stem(folder, f"{client.info.app}-{time.strftime('%Y%m%d-%H%M%S', self._began)}")
        self._gaps: list[tuple[int, int]] = []
        self._hidden = folder / f".{self._stem}.wav"
        comment = f"{client.info.app} on {client.info.board}: what its front end heard, {_HOW[capture.format.encoding]}"
        self.wav = WavWriter(self._hidden, capture.format.sample_rate_hz, comment)

    def gap(self, missing: int) -> None:
        """Silence for what was lost, and a mark."""
        self.wav.mark(missing, "lost")
        self._gaps.append((self.wav.samples, missing))
        self.wav.write(np.zeros(missing, np.int16))

    def close(self) -> Recorded:
        """All three files, the table first, so that audio is never there without it."""
        self.wav.close()
        rate = self._format.sample_rate_hz
        recorded = Recorded(
            f"{self._stem}.wav",
            self._info.app,
            self._info.board,
            self._info.image,
            self._info.model_sha256,
            self._format.encoding,
            rate,
            time.strftime("%Y-%m-%dT%H:%M:%S%z", self._began),
            self._t_ms,
            self.wav.samples / rate,
            len(self.detections),
            tuple(Gap(at / rate, (at + count) / rate) for at, count in self._gaps),
        )
        with (self._folder / f"{self._stem}.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["start_s", "end_s", "label", "confidence"])
            for found in self.detections:
                end = max(0, found.t_ms - self._t_ms)
                start = max(0, end - self._format.window_ms)
                table.writerow([f"{start / 1000:.3f}", f"{end / 1000:.3f}", found.label, f"{found.confidence:.4f}"])
        about = json.dumps(asdict(recorded), indent=2, ensure_ascii=False)
        (self._folder / f"{self._stem}.json").write_text(about + "\n", encoding="utf-8")
        self._hidden.replace(self._folder / f"{self._stem}.wav")
        return recorded


def _free_stem(folder: Path, stem: str) -> str:
    """`stem`, or with -2 … behind it, so that nothing is overwritten."""
    names = (stem, *(f"{stem}-{number}" for number in range(2, 1000)))
    return next(name for name in names if not any((folder / f"{hidden}{name}.wav").exists() for hidden in ("", ".")))
