"""Copies across a split are found, and what merely repeats itself is not."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from fieldwren.train.clips import Clip, load_spoken_digits
from fieldwren.train.data.duplicates import copied_clips, repeated_rows, shared_groups
from fieldwren.train.data.leaks import check_data
from support import require_data


@pytest.fixture(scope="module")
def some_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits")
    for file in sorted(require_data("audio", "fsdd").glob("*_[0-3].wav")):
        shutil.copy(file, folder)
    return folder


def test_a_copy_at_another_level_and_place_is_found(some_digits: Path) -> None:
    clips = load_spoken_digits(some_digits)
    assert len(clips) == 160
    moved = np.pad(0.3 * clips[5].samples, (700, 2000))
    moved += np.random.default_rng(0).normal(0, 1e-5, len(moved))
    copy = dataclasses.replace(clips[5], name="copy", samples=moved.astype(np.float32))
    assert copied_clips(clips[:80], [copy, *clips[80:]]) == [(clips[5].name, "copy")]


def test_a_recording_under_two_names_is_a_leak_of_the_folder(some_digits: Path) -> None:
    assert check_data(some_digits).clean
    shutil.copy(some_digits / "3_theo_1.wav", some_digits / "3_nobody_0.wav")
    (finding,) = check_data(some_digits).findings
    assert (finding.kind, finding.where) == ("copied recording", "3_nobody_0, 3_theo_1")


def test_speakers_on_both_sides() -> None:
    clips = [Clip(np.zeros(10, np.float32), "one", who, who) for who in ("ann", "bob", "cat")]
    assert shared_groups(clips[:2], clips[2:]) is None
    finding = shared_groups(clips[:2], clips[1:])
    assert finding is not None
    assert finding.where == "bob"


def test_coarse_sensors_repeat_themselves() -> None:
    rng = np.random.default_rng(1)
    coarse = [rng.integers(0, 2, (3000, 1)).astype(float) for _ in range(2)]
    assert repeated_rows([coarse[0]], [coarse[1]]) is None
    fine = [rng.normal(0, 1, (3000, 2)) for _ in range(2)]
    assert repeated_rows([fine[0]], [fine[1]]) is None
    fine[1][:300] = fine[0][500:800]
    finding = repeated_rows([fine[0]], [fine[1]])
    assert finding is not None
    assert finding.message.startswith("10.0 %")
