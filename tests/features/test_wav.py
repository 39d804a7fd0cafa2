"""Reading WAV files strictly and leniently, and changing the rate."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from fieldwren.errors import BadInputError
from fieldwren.features.resample import resample
from fieldwren.features.wav import read_any_wav, read_wav
from support import require_module


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def wav(data: bytes, *, rate: int = 16000, channels: int = 1, bits: int = 16, encoding: int = 1) -> bytes:
    block = channels * bits // 8
    header = struct.pack("<HHIIHH", encoding, channels, rate, rate * block, block, bits)
    return riff((b"fmt ", header), (b"LIST", b"odd"), (b"data", data))


PCM = np.array([0, 1, -1, 32767, -32768, 1234], "<i2")
Write = Callable[[bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(content: bytes) -> Path:
        path = tmp_path / "in.wav"
        path.write_bytes(content)
        return path

    return to_file


def test_samples_come_back(write: Write) -> None:
    pcm, rate = read_wav(write(wav(PCM.tobytes(), rate=8000)))
    assert rate == 8000
    assert pcm.dtype == np.int16
    np.testing.assert_array_equal(pcm, PCM)


def test_equal_channels_are_one(write: Write) -> None:
    twice = np.repeat(PCM, 2)
    np.testing.assert_array_equal(read_wav(write(wav(twice.tobytes(), channels=2)))[0], PCM)


def test_streamed_size_means_to_the_end(write: Write) -> None:
    content = wav(PCM.tobytes())
    at = content.index(b"data") + 4
    for size in (0xFFFFFFFF, 0x7FFFF000, 0x7FFFFFFF):
        streamed = content[:at] + struct.pack("<I", size) + content[at + 4 :]
        np.testing.assert_array_equal(read_wav(write(streamed))[0], PCM)


def test_extensible_format(write: Write) -> None:
    header = struct.pack("<HHIIHH", 0xFFFE, 1, 16000, 32000, 2, 16) + struct.pack("<HHIH", 22, 16, 4, 1) + bytes(14)
    np.testing.assert_array_equal(read_wav(write(riff((b"fmt ", header), (b"data", PCM.tobytes()))))[0], PCM)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"ID3\x04 and more bytes than a header", "is not a WAV file"),
        (b"RIFF", "is not a WAV file"),
        (riff(), "no format description"),
        (riff((b"fmt ", b"short")), "no format description"),
        (wav(PCM.tobytes())[:-4], "is cut short"),
        (riff((b"fmt ", wav(b"")[20:36])), "no data chunk"),
        (wav(b""), "has no samples"),
        (wav(b"\0"), "has no samples"),
        (wav(bytes(12), bits=24), "has 24-bit samples"),
        (wav(bytes(12), bits=8), "has 8-bit samples"),
        (wav(bytes(16), bits=32, encoding=3), "has floating-point samples"),
        (wav(PCM.tobytes(), channels=2), "has 2 channels that differ"),
        (wav(PCM.tobytes(), channels=0), "not a valid WAV format"),
        (wav(PCM.tobytes(), rate=0), "not a valid WAV format"),
        (wav(PCM.tobytes(), bits=12), "not a valid WAV format"),
        (wav(PCM.tobytes(), rate=44100), "is sampled at 44100 Hz, 16000 Hz is needed"),
    ],
)
def test_strict_reading_refuses(write: Write, content: bytes, message: str) -> None:
    path = write(content)
    with pytest.raises(BadInputError) as caught:
        read_wav(path, rate_hz=16000)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="cannot be read: No such file"):
        read_wav(tmp_path / "none.wav")


def test_every_truncation_and_flip_of_a_header_gives_an_answer_or_one_sentence(write: Write) -> None:
    content = wav(PCM.tobytes())
    damaged = [content[:n] for n in range(len(content))]
    for at in range(44):
        for value in (0, 1, 0x7F, 0x80, 0xFF):
            damaged.append(content[:at] + bytes([value]) + content[at + 1 :])
    for bad in damaged:
        path = write(bad)
        for read in (read_wav, lambda p: read_any_wav(p, 16000)):
            try:
                read(path)
            except BadInputError as error:
                assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("bits", "encoding", "encode"),
    [
        (8, 1, lambda x: np.rint(x * 128 + 128).clip(0, 255).astype(np.uint8).tobytes()),
        (16, 1, lambda x: np.rint(x * 32768).astype("<i2").tobytes()),
        (24, 1, lambda x: b"".join(int(v).to_bytes(3, "little", signed=True) for v in np.rint(x * 2**23))),
        (32, 1, lambda x: np.rint(x * 2**31).astype("<i4").tobytes()),
        (32, 3, lambda x: x.astype("<f4").tobytes()),
        (64, 3, lambda x: x.astype("<f8").tobytes()),
    ],
)
def test_lenient_reading(
    write: Write, bits: int, encoding: int, encode: Callable[[npt.NDArray[np.float64]], bytes]
) -> None:
    left = 0.5 * np.sin(np.arange(400) * 0.1)
    both = np.stack([left, -0.5 * left], axis=1)
    path = write(wav(encode(both.ravel()), channels=2, bits=bits, encoding=encoding))
    tolerance = 260 if bits == 8 else 1
    np.testing.assert_allclose(read_any_wav(path, 16000), 0.25 * left * 32768, atol=tolerance)


def test_lenient_reading_leaves_the_right_form_alone(write: Write) -> None:
    np.testing.assert_array_equal(read_any_wav(write(wav(PCM.tobytes())), 16000), PCM)


def test_lenient_reading_refuses_numbers_that_are_none(write: Write) -> None:
    path = write(wav(np.array([0.0, np.nan], "<f4").tobytes(), bits=32, encoding=3))
    with pytest.raises(BadInputError, match="not finite"):
        read_any_wav(path, 16000)


def test_lenient_reading_refuses_compressed_samples(write: Write) -> None:
    with pytest.raises(BadInputError, match="WAV format 7 are not supported"):
        read_any_wav(write(wav(bytes(8), bits=8, encoding=7)), 16000)


@pytest.mark.parametrize(
    ("from_hz", "to_hz"), [(8000, 16000), (44100, 16000), (48000, 16000), (22050, 16000), (16000, 8000)]
)
def test_resampled_sines_are_sines(from_hz: int, to_hz: int) -> None:
    """Up to 90 % of the narrower band the sine of the new rate, within 0.1 %, beyond 110 % silence."""
    limit = min(from_hz, to_hz) / 2
    count = from_hz // 4
    for frequency in (100.0, 0.5 * limit, 0.9 * limit):
        got = resample(np.sin(2 * np.pi * frequency * np.arange(count) / from_hz), from_hz, to_hz)
        assert len(got) == -(-count * to_hz // from_hz)
        expected = np.sin(2 * np.pi * frequency * np.arange(len(got)) / to_hz)
        np.testing.assert_allclose(got[400:-400], expected[400:-400], atol=1e-3)
    if from_hz > to_hz:
        got = resample(np.sin(2 * np.pi * 1.1 * limit * np.arange(count) / from_hz), from_hz, to_hz)
        assert np.abs(got[400:-400]).max() < 1e-4


def test_resampling_follows_scipy() -> None:
    signal = require_module("scipy.signal")
    rng = np.random.default_rng(0)
    smooth = signal.lfilter(*signal.butter(6, 0.25), rng.standard_normal(4000))
    ours, theirs = resample(smooth, 44100, 16000), signal.resample_poly(smooth, 160, 441, window=("kaiser", 12.0))
    assert len(ours) == len(theirs)
    np.testing.assert_allclose(ours[100:-100], theirs[100:-100], atol=2e-2 * np.abs(smooth).max())


def test_resampling_limits() -> None:
    np.testing.assert_array_equal(resample([1.0, 2.0], 16000, 16000), [1.0, 2.0])
    assert len(resample([], 8000, 16000)) == 0
    with pytest.raises(BadInputError, match="factor"):
        resample([1.0], 44101, 44100)
    with pytest.raises(BadInputError, match="positive"):
        resample([1.0], 0, 16000)
