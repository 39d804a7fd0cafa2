"""What may happen to a word between a mouth and a microphone, drawn from a seeded generator.

Every function takes and gives float32 audio at 16 kHz (full scale 1.0); randomness only comes from the `rng` handed in,
so the same seed gives the same samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fieldwren.train import responses
from fieldwren.train.clips import SAMPLE_RATE, Audio, resample

NOISE_KINDS = ("white", "pink", "brown", "hum", "wind")


@dataclass(frozen=True)
class Augmentation:
    """Ranges of the random changes; one value of each is drawn per word or window."""

    speed: float = 0.16  # ± share: resampling, changes pitch and length together
    tempo: float = 0.30  # ± share: length alone
    snr_db: tuple[float, float] = (5.0, 40.0)  # word to background noise
    gain_db: tuple[float, float] = (-40.0, 6.0)  # of the whole window, relative to a word peak of 0.5
    clean_share: float = 0.15  # windows without noise: digital silence around the words
    microphones: float = 0.0  # share of windows heard through another microphone (see responses)
    rooms: float = 0.0  # share of windows spoken in a room
    responses: str = ""  # folder of impulse responses that are measured, instead of simulated rooms

    @property
    def key(self) -> tuple[object, ...]:
        """What windows depend on; options that are off leave it, and windows that were kept, as they were."""
        always = (self.speed, self.tempo, self.snr_db, self.gain_db, self.clean_share)
        paths = (self.microphones, self.rooms, self.responses)
        return always if paths == (0.0, 0.0, "") else (*always, *paths, responses.BANK)


def tempo(samples: Audio, rate: float) -> Audio:
    """`rate` times as fast at the same pitch (waveform-similarity overlap-add, Verhelst and Roelands 1993).

    Windows of 25 ms with half overlap; each is taken from within ±7.5 ms of its nominal place, where it continues the
    previous one best (normalised cross-correlation).
    """
    hop, reach = 200, 120
    window = np.hanning(2 * hop + 1)[:-1].astype(np.float32)
    padded = np.pad(samples, (hop + reach, 3 * hop + 2 * reach))
    frames = max(1, round(len(samples) / rate / hop) + 1)
    output = np.zeros((frames + 1) * hop, np.float32)
    place = reach
    for k in range(frames):
        if k:
            nominal = min(reach + round(k * hop * rate), len(padded) - 2 * hop - reach - 1)
            expected = padded[place + hop : place + 2 * hop]
            around = padded[nominal - reach : nominal + reach + hop]
            likeness = np.correlate(around, expected, "valid")
            power = np.cumsum(np.square(np.pad(around, (1, 0)), dtype=np.float64))
            likeness = likeness / np.sqrt(power[hop:] - power[:-hop] + 1e-9)
            place = nominal - reach + int(np.argmax(likeness))
            place = min(place, len(padded) - 2 * hop)
        output[k * hop : (k + 2) * hop] += window * padded[place : place + 2 * hop]
    changed: Audio = output[hop : hop + max(1, round(len(samples) / rate))]
    return changed


def vary_word(samples: Audio, ranges: Augmentation, rng: np.random.Generator) -> Audio:
    """Another speaker's version of a word: random speed and tempo."""
    changed = resample(samples, 1.0 / (1.0 + rng.uniform(-ranges.speed, ranges.speed)))
    return tempo(changed, 1.0 + rng.uniform(-ranges.tempo, ranges.tempo))


def noise(count: int, rng: np.random.Generator, kind: str | None = None) -> Audio:
    """`count` samples of background noise with root mean square 1; a random kind of `NOISE_KINDS` unless told."""
    kind = kind or str(rng.choice(NOISE_KINDS))
    if kind == "hum":
        mains = rng.choice([50.0, 60.0]) * rng.uniform(0.99, 1.01)
        time = np.arange(count) / SAMPLE_RATE
        wave = np.zeros(count)
        for harmonic in range(1, 9):
            wave += rng.exponential(1.0 / harmonic) * np.sin(2 * np.pi * (mains * harmonic * time + rng.random()))
        wave += 0.1 * rng.standard_normal(count)
    else:
        exponent = {"white": 0.0, "pink": 0.5, "brown": 1.0, "wind": 1.5}[kind]
        spectrum = np.fft.rfft(rng.standard_normal(count))
        frequency = np.fft.rfftfreq(count, 1 / SAMPLE_RATE)
        spectrum *= np.maximum(frequency, 30.0) ** -exponent
        wave = np.fft.irfft(spectrum, count)
        if kind == "wind":
            gusts = np.interp(np.arange(count), np.linspace(0, count, 8), rng.uniform(0.2, 1.0, 8))
            wave = wave * gusts
    unit: Audio = (wave / (np.sqrt(np.mean(np.square(wave))) + 1e-12)).astype(np.float32)
    return unit


def changing_noise(count: int, rng: np.random.Generator) -> Audio:
    """Noise that begins, ends or changes within the window: two or three kinds, each at its own level up to peak 1."""
    wave = np.zeros(count, np.float32)
    places = np.sort(rng.integers(0, count, int(rng.integers(1, 3))))
    for first, last in zip([0, *places], [*places, count], strict=True):
        level = 0.0 if rng.random() < 0.25 else 10 ** (rng.uniform(-60, -10) / 20)
        wave[first:last] = np.float32(level) * noise(count, rng)[first:last]
    return wave


def tones(count: int, rng: np.random.Generator) -> Audio:
    """Beeps, sweeps and clicks: sounds of a room that are no speech; peak about 0.5."""
    time = np.arange(count) / SAMPLE_RATE
    wave = np.zeros(count)
    for _ in range(int(rng.integers(1, 4))):
        start, stop = np.exp(rng.uniform(np.log(150), np.log(3500), 2))
        steady = rng.random() < 0.6
        frequency = np.full(count, start) if steady else np.linspace(start, stop, count)
        begin = rng.uniform(-0.2, 0.9)
        length = rng.uniform(0.02, 0.8)
        shape = np.clip(np.minimum(time - begin, begin + length - time) / 0.01, 0, 1)
        wave += rng.uniform(0.1, 0.5) * shape * np.sin(2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE)
    for _ in range(int(rng.integers(0, 4))):
        at = int(rng.integers(0, max(1, count - 400)))
        decay = np.exp(-np.arange(400) / rng.uniform(5, 120))
        wave[at : at + 400] += rng.uniform(0.1, 0.6) * decay * rng.standard_normal(400)
    return wave.astype(np.float32)


def add_noise(window: Audio, word_rms: float, ranges: Augmentation, rng: np.random.Generator) -> Audio:
    """`window` over background noise at a random distance below `word_rms`, or unchanged (`clean_share`)."""
    if rng.random() < ranges.clean_share:
        return window
    level = word_rms * 10 ** (-rng.uniform(*ranges.snr_db) / 20)
    return (window + np.float32(level) * noise(len(window), rng)).astype(np.float32)


def in_a_room(window: Audio, ranges: Augmentation, rng: np.random.Generator) -> Audio:
    """What is said in `window` as it arrives at a microphone, perhaps with the room's echoes."""
    if ranges.rooms == 0 or rng.random() >= ranges.rooms:
        return window
    bank = responses.measured(Path(ranges.responses)) if ranges.responses else responses.rooms()
    return responses.apply(window, bank[int(rng.integers(len(bank)))])


def through_a_microphone(window: Audio, ranges: Augmentation, rng: np.random.Generator) -> Audio:
    """All that arrives, as another microphone hears it."""
    if ranges.microphones == 0 or rng.random() >= ranges.microphones:
        return window
    bank = responses.microphones()
    return responses.apply(window, bank[int(rng.integers(len(bank)))])


def to_pcm(window: Audio) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    """16-bit samples as a microphone delivers them; too loud clips."""
    return np.clip(np.round(window * 32768), -32768, 32767).astype(np.int16)
