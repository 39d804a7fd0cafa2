"""WAV files: strict reading for features, and an explicit conversion of anything else to the front end's form."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fieldwren.errors import BadInputError
from fieldwren.features.resample import resample

Pcm = npt.NDArray[np.int16]

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_CHANNELS_MOST, _RATE_MOST_HZ = 64, 768000
# Programs that write to a pipe cannot know the size and put something near 2^31 or 2^32 there.
_STREAMED = 0x7FFF0000


@dataclass(frozen=True)
class _Sound:
    path: Path
    encoding: int
    channels: int
    rate_hz: int
    bits: int
    data: bytes

    def samples(self) -> npt.NDArray[np.float64]:
        """[frames, channels], full scale is 1."""
        if self.encoding == _FLOAT and self.bits in (32, 64):
            flat = np.frombuffer(self.data, f"<f{self.bits // 8}").astype(np.float64)
            if not np.isfinite(flat).all():
                raise BadInputError(f"{self.path}: has samples that are not finite numbers")
        elif self.encoding == _PCM and self.bits == 8:
            flat = (np.frombuffer(self.data, np.uint8).astype(np.float64) - 128.0) / 128.0
        elif self.encoding == _PCM and self.bits in (16, 32):
            flat = np.frombuffer(self.data, f"<i{self.bits // 8}").astype(np.float64) / 2.0 ** (self.bits - 1)
        elif self.encoding == _PCM and self.bits == 24:
            octets = np.frombuffer(self.data, np.uint8).reshape(-1, 3)
            padded = np.zeros((len(octets), 4), np.uint8)
            padded[:, 1:] = octets
            flat = padded.view("<i4").ravel().astype(np.float64) / 2.0**31
        else:
            raise BadInputError(
                f"{self.path}: {self.bits}-bit samples of WAV format {self.encoding} are not supported; "
                "convert the file to 16-bit PCM"
            )
        return flat.reshape(-1, self.channels)


def _chunks(path: Path, content: bytes) -> dict[bytes, bytes]:
    """The first `fmt ` and `data` chunk."""
    found: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(content) and b"data" not in found:
        name, size = struct.unpack_from("<4sI", content, at)
        at += 8
        if size > len(content) - at and not (name == b"data" and size >= _STREAMED):
            raise BadInputError(
                f"{path}: is cut short: chunk {name!r} announces {size} bytes, {len(content) - at} are there"
            )
        found.setdefault(name, content[at : at + size])
        at += size + size % 2
    return found


def _read(path: Path) -> _Sound:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) == 0:
        raise BadInputError(f"{path}: is empty, it must be a WAV file")
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise BadInputError(f"{path}: is not a WAV file (it does not begin with RIFF … WAVE)")
    chunks = _chunks(path, content)
    if len(chunks.get(b"fmt ", b"")) < 16:
        raise BadInputError(f"{path}: has no format description, so it is not a valid WAV file")
    if b"data" not in chunks:
        raise BadInputError(f"{path}: has no samples (no data chunk)")
    header = chunks[b"fmt "]
    encoding, channels, rate_hz, _, block_bytes, bits = struct.unpack_from("<HHIIHH", header)
    if encoding == _EXTENSIBLE and len(header) >= 26:
        (encoding,) = struct.unpack_from("<H", header, 24)
    fits = 1 <= channels <= _CHANNELS_MOST and 1 <= rate_hz <= _RATE_MOST_HZ and bits in (8, 16, 24, 32, 64)
    if not fits or block_bytes != channels * bits // 8:
        raise BadInputError(
            f"{path}: announces {channels} channels of {bits} bits in {block_bytes} bytes at {rate_hz} Hz, "
            "which is not a valid WAV format"
        )
    data = chunks[b"data"]
    data = data[: len(data) - len(data) % block_bytes]
    if len(data) == 0:
        raise BadInputError(f"{path}: has no samples")
    return _Sound(path, encoding, channels, rate_hz, bits, data)


def read_wav(path: str | Path, *, rate_hz: int | None = None) -> tuple[Pcm, int]:
    """Samples and rate of a 16-bit mono PCM file, unchanged; with `rate_hz` any other rate is refused.

    A file with several channels is accepted only if all of them are equal in every sample, since then there is nothing
    to choose. Raises BadInputError for everything else (another width, stereo, empty, not a WAV, cut short);
    `read_any_wav` converts.
    """
    path = Path(path)
    sound = _read(path)
    if sound.encoding != _PCM or sound.bits != 16:
        kind = "floating-point" if sound.encoding == _FLOAT else f"{sound.bits}-bit"
        raise BadInputError(f"{path}: has {kind} samples; convert it to 16-bit PCM (sox IN -b 16 OUT)")
    samples = np.frombuffer(sound.data, "<i2").astype(np.int16).reshape(-1, sound.channels)
    if not (samples == samples[:, :1]).all():
        raise BadInputError(f"{path}: has {sound.channels} channels that differ; mix it down to mono (sox IN -c 1 OUT)")
    if rate_hz is not None and sound.rate_hz != rate_hz:
        raise BadInputError(
            f"{path}: is sampled at {sound.rate_hz} Hz, {rate_hz} Hz is needed; convert it (sox IN -r {rate_hz} OUT)"
        )
    return np.ascontiguousarray(samples[:, 0]), sound.rate_hz


def read_any_wav(path: str | Path, rate_hz: int) -> Pcm:
    """Samples of any PCM or float WAV file, its channels averaged, resampled to `rate_hz`, rounded to 16 bits.

    A 16-bit mono file of that rate comes back unchanged.
    """
    sound = _read(Path(path))
    mono = sound.samples().mean(axis=1)
    if sound.rate_hz != rate_hz:
        mono = resample(mono, sound.rate_hz, rate_hz)
    pcm: Pcm = np.clip(np.rint(mono * 32768.0), -32768, 32767).astype(np.int16)
    return pcm


def duration_s(path: str | Path) -> float:
    """How long a WAV file lasts, in seconds."""
    sound = _read(Path(path))
    return len(sound.data) / (sound.channels * sound.bits // 8) / sound.rate_hz
