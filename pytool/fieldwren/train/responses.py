"""What microphones and rooms do to sound, as impulse responses: simulated, or measured ones from a folder of WAV files.

Simulated microphones are random smooth equalisers with the phase that a causal analogue filter of that magnitude has
(minimum phase). Rooms are shoeboxes, computed with images of the source (Allen and Berkley 1979). A bank of each is made
once from a seed; training draws from the bank.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fieldwren.errors import MissingToolError
from fieldwren.features.wav import read_any_wav
from fieldwren.train.clips import SAMPLE_RATE, Audio

BANK = 64
SOUND_M_PER_S = 343.0
_TAPS = 512  # of a microphone's response
_LONGEST_S = 0.35  # of a room's response
_SPEECH_HZ = (300.0, 3400.0)

Real = npt.NDArray[np.float64]


def apply(samples: Audio, response: Audio) -> Audio:
    """`samples` [n] through `response`, cut to the same length: nothing comes earlier, and a tail beyond the end is lost."""
    count = 1 << (len(samples) + len(response) - 2).bit_length()
    product = np.fft.rfft(samples, count) * np.fft.rfft(response, count)
    heard: Audio = np.fft.irfft(product, count)[: len(samples)].astype(np.float32)
    return heard


def minimum_phase(magnitude: Real) -> Real:
    """The causal impulse response [2 (bins - 1)] with this magnitude [bins] (0 Hz to half the rate) and the least delay.

    The real cepstrum folded onto positive times (Oppenheim and Schafer, Discrete-Time Signal Processing, 12.3).
    """
    count = 2 * (len(magnitude) - 1)
    cepstrum = np.fft.irfft(np.log(np.maximum(magnitude, 1e-6 * magnitude.max())), count)
    cepstrum[1 : count // 2] *= 2
    cepstrum[count // 2 + 1 :] = 0
    response: Real = np.fft.irfft(np.exp(np.fft.rfft(cepstrum)), count)
    return response


def microphone(rng: np.random.Generator) -> Audio:
    """A microphone: a curve of ±6 dB (deviation) an octave, and its lower and upper corner; unit gain over speech."""
    frequency = np.fft.rfftfreq(2 * _TAPS, 1 / SAMPLE_RATE)
    octaves = np.log2(np.maximum(frequency, 31.25) / 31.25)
    curve = np.interp(octaves, np.arange(9), np.convolve(rng.normal(0, 6.0, 11), (0.25, 0.5, 0.25), "valid"))
    low, high = rng.uniform(20, 350), rng.uniform(2800, 8000)
    order = rng.integers(1, 4)
    curve -= 10 * order * np.log10(1 + (low / np.maximum(frequency, 1.0)) ** 2)
    curve -= 10 * order * np.log10(1 + (frequency / high) ** 2)
    response = minimum_phase(10 ** (curve / 20))[:_TAPS]
    response[-64:] *= np.hanning(128)[64:]
    return _unit_over_speech(response)


def room(rng: np.random.Generator) -> Audio:
    """A small room with source and microphone at random places; the direct sound comes first, with gain 1."""
    size = np.array([rng.uniform(2.2, 7), rng.uniform(2, 5), rng.uniform(2.2, 3.2)])
    reflection = np.sqrt(1 - rng.uniform(0.15, 0.7))  # of the pressure; the rest of the energy is absorbed
    source, listener = (0.3 + rng.random(3) * (size - 0.6) for _ in range(2))
    return images(size, source, listener, float(reflection))


def images(size: Real, source: Real, listener: Real, reflection: float, longest_s: float = _LONGEST_S) -> Audio:
    """Response of a shoebox `size` [3] in metres whose walls all reflect the share `reflection` of the pressure.

    Starts with the direct sound at gain 1; later sounds have their delay after it, rounded to a sample.
    """
    reach = longest_s * SOUND_M_PER_S + float(np.linalg.norm(source - listener))
    places, bounces = [], []
    for axis in range(3):
        far = int(reach / (2 * size[axis])) + 1
        n = np.arange(-far, far + 1)
        # Images at 2nL + s after |2n| bounces, and at 2nL - s after |2n - 1|.
        places.append(np.concatenate([2 * n * size[axis] + source[axis], 2 * n * size[axis] - source[axis]]))
        bounces.append(np.concatenate([np.abs(2 * n), np.abs(2 * n - 1)]))
    squared = [np.square(place - at) for place, at in zip(places, listener, strict=True)]
    distance = np.sqrt(squared[0][:, None, None] + squared[1][None, :, None] + squared[2][None, None, :])
    count = bounces[0][:, None, None] + bounces[1][None, :, None] + bounces[2][None, None, :]
    near = distance <= reach
    direct = float(np.linalg.norm(source - listener))
    delay = np.rint((distance[near] - direct) / SOUND_M_PER_S * SAMPLE_RATE).astype(np.int64)
    gain = reflection ** count[near] * direct / distance[near]
    response = np.zeros(round(longest_s * SAMPLE_RATE))
    inside = (delay >= 0) & (delay < len(response))
    np.add.at(response, delay[inside], gain[inside])
    return response.astype(np.float32)


def _unit_over_speech(response: Real) -> Audio:
    frequency = np.fft.rfftfreq(4096, 1 / SAMPLE_RATE)
    speech = (frequency >= _SPEECH_HZ[0]) & (frequency <= _SPEECH_HZ[1])
    gain = np.sqrt(np.mean(np.square(np.abs(np.fft.rfft(response, 4096))[speech])))
    scaled: Audio = (response / max(gain, 1e-9)).astype(np.float32)
    return scaled


@functools.cache
def microphones(seed: int = 0) -> Sequence[Audio]:
    """The bank of simulated microphones."""
    return [microphone(np.random.default_rng([seed, 0x6D6963, number])) for number in range(BANK)]


@functools.cache
def rooms(seed: int = 0) -> Sequence[Audio]:
    """The bank of simulated rooms."""
    return [room(np.random.default_rng([seed, 0x726F6F, number])) for number in range(BANK)]


@functools.cache
def measured(folder: Path) -> Sequence[Audio]:
    """Responses from the .wav files below `folder`, from their largest sample on, with unit gain over speech.

    Raises MissingToolError where there is none.
    """
    files = sorted(folder.rglob("*.wav"))
    if not files:
        raise MissingToolError(f"{folder}: has no .wav impulse responses")
    made = []
    for file in files:
        samples = read_any_wav(file, SAMPLE_RATE).astype(np.float64)
        start = max(0, int(np.argmax(np.abs(samples))) - 16)
        made.append(_unit_over_speech(samples[start : start + 2 * round(_LONGEST_S * SAMPLE_RATE)]))
    return made
