"""Hostile models: whatever a file holds, the answer is a Program or one sentence, soon."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldwren.core import PORTABLE
from fieldwren.errors import FieldwrenError
from fieldwren.ops.lowering import lower
from fieldwren.plan import encode, plan
from fieldwren.tflite import read_bytes
from support import data_root

SMALL_BYTES = 4096
SECONDS_AT_MOST = 5.0


def small_models() -> list[Path]:
    return sorted(p for p in (data_root() / "models").glob("*.tflite") if p.stat().st_size <= SMALL_BYTES)


def compile_or_refuse(content: bytes) -> None:
    start = time.process_time()
    try:
        encode(plan(lower(read_bytes(content, "hostile"), PORTABLE)))
    except FieldwrenError as error:
        assert "\n" not in str(error)
        assert len(str(error)) < 2000
    assert time.process_time() - start < SECONDS_AT_MOST


@pytest.mark.parametrize("model", small_models(), ids=lambda p: p.stem)
def test_every_byte_flipped(model: Path) -> None:
    content = bytearray(model.read_bytes())
    for position in range(len(content)):
        content[position] ^= 0xFF
        compile_or_refuse(bytes(content))
        content[position] ^= 0xFF


@pytest.mark.long
@pytest.mark.parametrize("mask", [0x01, 0x80, 0xFF])
@pytest.mark.parametrize("model", sorted((data_root() / "models").glob("*.tflite")), ids=lambda p: p.stem)
def test_tables_of_every_model_damaged(model: Path, mask: int) -> None:
    """Bytes of weights are only numbers: they are sampled, everything else is flipped."""
    content = bytearray(model.read_bytes())
    step = max(1, len(content) // 20_000)
    for position in range(0, len(content), step):
        content[position] ^= mask
        compile_or_refuse(bytes(content))
        content[position] ^= mask


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.binary(max_size=600))
def test_random_bytes_behind_a_valid_start(tail: bytes) -> None:
    compile_or_refuse(b"\x1c\0\0\0TFL3" + tail)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.data())
def test_words_overwritten_with_extremes(data: st.DataObject) -> None:
    models = small_models()
    if not models:
        pytest.skip(f"no models under {data_root()}: set FIELDWREN_DATA")
    content = bytearray(data.draw(st.sampled_from(models)).read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        position = 4 * data.draw(st.integers(2, len(content) // 4 - 1))
        word = data.draw(st.sampled_from([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x10000, len(content)]))
        content[position : position + 4] = word.to_bytes(4, "little")
    compile_or_refuse(bytes(content))


def test_some_small_models_were_there() -> None:
    if os.environ.get("FIELDWREN_REQUIRE") == "1":
        assert small_models()
