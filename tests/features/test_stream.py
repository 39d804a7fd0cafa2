"""Streaming: any way of cutting the samples gives the same frames, and misuse is answered, not suffered."""

from __future__ import annotations

import ctypes
import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.signals import VARIANTS, speech_like
from fieldwren.errors import BadInputError
from fieldwren.features import PRESETS, AudioFrontEnd, AudioStream, MicroFrontEnd, frames, native, windows
from fieldwren.features.tables import front_end_data

KINDS: dict[str, AudioFrontEnd | MicroFrontEnd] = {
    "mel": AudioFrontEnd(window_frames=5, coefficient_count=10, pre_emphasis=0.97),
    "mel-fixed": AudioFrontEnd(window_frames=5, arithmetic="fixed", pre_emphasis=0.97),
    "hop-beyond-window": dataclasses.replace(VARIANTS["hop-beyond-window"], window_frames=5),
    "micro": MicroFrontEnd(window_frames=5),
}


@settings(deadline=None, max_examples=40)
@given(kind=st.sampled_from(sorted(KINDS)), cuts=st.lists(st.integers(0, 4000), max_size=12))
def test_chunks_do_not_matter(kind: str, cuts: list[int]) -> None:
    pcm = speech_like(4000)
    stream = AudioStream(KINDS[kind])
    parts = [stream.push(part) for part in np.split(pcm, sorted(cuts))]
    np.testing.assert_array_equal(np.concatenate(parts), frames(KINDS[kind], pcm))


@pytest.mark.parametrize("kind", KINDS)
def test_window_is_the_newest_frames(kind: str) -> None:
    p = KINDS[kind]
    stream = AudioStream(p)
    pcm = speech_like(4000)
    every = stream.push(pcm)
    newest = every[-5:] * np.float32(0.0390625) if kind == "micro" else every[-5:]
    np.testing.assert_array_equal(stream.window(), newest)
    np.testing.assert_array_equal(stream.newest_frame(), every[-1])
    assert stream.frame_count == 5


@pytest.mark.parametrize("kind", KINDS)
def test_reset_forgets_everything(kind: str) -> None:
    stream = AudioStream(KINDS[kind])
    first = stream.push(speech_like(3000))
    stream.push(speech_like(777, seed=1))
    stream.reset()
    assert stream.frame_count == 0
    np.testing.assert_array_equal(stream.push(speech_like(3000)), first)


STILL = {
    **KINDS,
    "window-mean": AudioFrontEnd(window_frames=5, coefficient_count=10, normalisation="window-mean"),
    "window-max": AudioFrontEnd(window_frames=5, normalisation="window-max"),
    "running-mean": AudioFrontEnd(window_frames=5, normalisation="running-mean", running_frames=20),
}


@settings(deadline=None, max_examples=30)
@given(
    kind=st.sampled_from(sorted(STILL)),
    parts=st.lists(st.tuples(st.sampled_from(("silence", "noise", "faint")), st.integers(1, 20)), max_size=6),
    stride=st.integers(1, 7),
)
def test_a_window_that_stands_still_is_the_one_before(kind: str, parts: list[tuple[str, int]], stride: int) -> None:
    p, rng = STILL[kind], np.random.default_rng(len(parts))
    stream, seen = AudioStream(p), []
    loudest = {"silence": 0, "noise": 8000, "faint": 1}
    for what, hops in parts:
        for _ in range(hops):
            stream.push(rng.integers(-loudest[what], loudest[what] + 1, p.hop_samples).astype(np.int16))
            if stream.frame_count < 5:
                continue
            seen.append(stream.window())
            if stream.stands_still(stride):
                assert len(seen) > stride
                np.testing.assert_array_equal(seen[-1].view(np.uint32), seen[-1 - stride].view(np.uint32))


@pytest.mark.parametrize("kind", [kind for kind in STILL if kind in ("mel", "mel-fixed", "window-mean")])
def test_silence_stands_still_and_sound_ends_it(kind: str) -> None:
    """From the first frame that hears no sound any more: five frames and the stride."""
    p = STILL[kind]
    assert isinstance(p, AudioFrontEnd)
    stream, still = AudioStream(p), []
    stream.push(speech_like(p.window_samples + 20 * p.hop_samples))
    frames_before = stream.push(np.zeros(p.window_samples, np.int16))
    assert len(frames_before) and not stream.stands_still(1)
    for _ in range(5 + 3):
        stream.push(np.zeros(p.hop_samples, np.int16))
        still.append(stream.stands_still(3))
    assert still[-1] and not still[2]
    stream.push(speech_like(2 * p.hop_samples))
    assert not stream.stands_still(1)


def test_windows_of_clips_start_afresh() -> None:
    p = AudioFrontEnd(window_frames=10, coefficient_count=10, normalisation="window-mean")
    clips = np.stack([speech_like(p.window_total_samples + 50, seed) for seed in range(3)])
    together = windows(p, clips)
    assert together.shape == (3, 10, 10)
    for clip, found in zip(clips, together, strict=True):
        np.testing.assert_array_equal(windows(p, clip[np.newaxis])[0], found)
    quantised = windows(p, clips, np.int8, 0.1, 3)
    np.testing.assert_allclose(quantised, np.clip(together / 0.1 + 3, -128, 127), atol=0.51)


@pytest.mark.parametrize(
    "pcm", [np.zeros(10), np.zeros(10, np.int32), np.zeros((2, 5), np.int16), np.zeros((), np.int16)]
)
def test_other_samples_than_16_bit_mono_are_refused(pcm: Any) -> None:
    with pytest.raises(BadInputError, match="PCM must be int16"):
        AudioStream(AudioFrontEnd()).push(pcm)


def test_what_a_window_needs() -> None:
    p = AudioFrontEnd(window_frames=3)
    stream = AudioStream(p)
    with pytest.raises(BadInputError, match="no frame yet"):
        stream.newest_frame()
    stream.push(np.zeros(p.window_total_samples - 1, np.int16))
    with pytest.raises(BadInputError, match="2 of 3 frames are there"):
        stream.window()
    stream.push(np.zeros(1, np.int16))
    assert stream.window().shape == (3, 40)
    for scale in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(BadInputError, match="cannot write a model input"):
            stream.window(np.int8, scale, 0)
    with pytest.raises(BadInputError, match="cannot write a model input"):
        stream.window(np.int8, 0.1, 100_000)
    with pytest.raises(BadInputError, match="type int64 is not supported"):
        stream.window(np.int64)
    with pytest.raises(BadInputError, match="clips have 799 samples, a window needs 800"):
        windows(p, np.zeros((1, p.window_total_samples - 1), np.int16))


@pytest.mark.parametrize("name", [*PRESETS, "fixed"])
def test_memory_is_what_init_takes(name: str) -> None:
    """One byte less, or a misaligned address, is refused; nothing beyond the memory is written."""
    parameters = PRESETS.get(name, AudioFrontEnd(arithmetic="fixed"))
    assert isinstance(parameters, AudioFrontEnd | MicroFrontEnd)
    config, _kept = native.build_config(front_end_data(parameters))
    lib = native.functions()
    needed = lib.fw_frontend_memory_bytes(ctypes.byref(config))
    memory = np.full(needed // 8 + 2, 0xA5A5A5A5A5A5A5A5, np.uint64)
    state = native.FrontEnd()

    def init(at: int, size: int) -> int:
        return int(lib.fw_frontend_init(ctypes.byref(state), ctypes.byref(config), memory.ctypes.data + at, size))

    assert needed % 8 == 0
    assert init(8, needed - 1) == -3  # FW_E_SPACE
    assert init(4, needed) == -1  # FW_E_ARGUMENT
    assert init(8, needed) == 0
    pcm = speech_like(parameters.window_total_samples)
    lib.fw_frontend_process(ctypes.byref(state), pcm.ctypes.data, len(pcm), None, 0)
    out = np.empty((parameters.window_frames, parameters.frame_values), np.float32)
    assert lib.fw_frontend_write_window(ctypes.byref(state), out.ctypes.data, native.FW_FLOAT32, 0.0, 0) == 0
    assert memory[0] == memory[-1] == 0xA5A5A5A5A5A5A5A5


def test_unknown_and_damaged_configurations_are_refused() -> None:
    lib = native.functions()
    config, kept = native.build_config(front_end_data(AudioFrontEnd()))
    mel: Any = kept[0]

    def memory_bytes() -> int:
        return int(lib.fw_frontend_memory_bytes(ctypes.byref(config)))

    whole = memory_bytes()
    assert whole > 0
    for owner, name, value in (
        (config, "kind", 0),
        (config, "kind", 9),
        (config, "window_frames", 0),
        (config, "window_frames", 5000),
        (config, "frame_values", 41),
        (config, "rounding", 2),
        (config, "mel", None),
        (mel, "fft_size", 500),
        (mel, "fft_size", 32),
        (mel, "window_samples", 513),
        (mel, "window_samples", 0),
        (mel, "hop_samples", 0),
        (mel, "mel_count", 300),
        (mel, "coefficient_count", 41),
        (mel, "first_bin", 0),
        (mel, "first_bin", 250),
        (mel, "bin_count", 1),
        (mel, "spectrum", 2),
        (mel, "normalisation", 3),  # without running_frames
        (mel, "normalisation", 4),
        (mel, "energy_offset", 0.0),
        (mel, "energy_floor", -1.0),
        (mel, "window", None),
        (mel, "sine", None),
        (mel, "mel_bins", None),
        (mel, "mel_weights", None),
    ):
        before = bytes(owner)
        setattr(owner, name, value)
        assert memory_bytes() == 0, name
        ctypes.memmove(ctypes.byref(owner), before, len(before))
    assert memory_bytes() == whole
