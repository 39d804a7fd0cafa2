"""Learned state in flash: power cuts at every operation, damage, wear, pages that fail, records of older versions."""

from __future__ import annotations

import json
import struct
import subprocess
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support import CHECKOUT, require_tool

HERE = Path(__file__).parent
FLAGS = (
    *("-std=c99", "-O2", "-g", "-ffp-contract=off", "-Wall", "-Wextra", "-Wconversion", "-Werror"),
    *("-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
)
ADAPTERS = "-DFW_ADAPTERS"
VALUES = ("-DVALUES", "-DFW_RECURSIVE")
SOURCES = ("store/store.c", "store/keeper.c", "runtime/crc32.c", "features/fw_math.c")


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("store") / "store", *FLAGS)


def build(target: Path, *flags: str) -> Path:
    firmware = CHECKOUT / "firmware"
    learn = [path for path in sorted((firmware / "learn").glob("*.c")) if path.name not in ("script.c", "virtual.c")]
    sources = [HERE / "store_main.c", *(firmware / name for name in SOURCES), *learn]
    includes = [f"-I{firmware}", f"-I{firmware / 'include'}"]
    subprocess.run([require_tool("gcc"), *flags, *includes, *sources, "-o", target], check=True)
    return target


def run(program: Path, *arguments: object) -> Any:
    ran = subprocess.run([program, *map(str, arguments)], capture_output=True, check=False)
    assert ran.returncode == 0, ran.stdout.decode() + ran.stderr.decode()
    return json.loads(ran.stdout)


@pytest.fixture(scope="session")
def adapted_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for learners with adapters."""
    return build(tmp_path_factory.mktemp("store") / "adapted", *FLAGS, ADAPTERS)


@pytest.fixture(scope="session")
def values_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for regressions by recursive least squares."""
    return build(tmp_path_factory.mktemp("store") / "values", *FLAGS, *VALUES)


@pytest.mark.parametrize(
    ("learner", "seed"),
    [("program", 1), ("program", 2), ("program", 3), ("adapted_program", 1), ("values_program", 1)],
)
def test_power_lost_at_every_operation_leaves_the_last_committed_state(
    learner: str, seed: int, request: pytest.FixtureRequest
) -> None:
    """200 updates with saves, undos and a reset; each write and erase is cut before, in four torn ways, and after."""
    result = run(request.getfixturevalue(learner), "cuts", seed)
    assert result["updates"] >= 200
    assert result["saves"] >= 30
    assert result["cuts"] > 20_000
    assert result["twice"] == 0  # no word was written twice after all


def test_flipped_bits_are_detected_and_an_older_record_or_the_factory_takes_over(program: Path) -> None:
    result = run(program, "flips", 7)
    assert result["fell_back"] == 16_000
    assert result["to_factory"] == 4_000


def test_wear_is_even(program: Path) -> None:
    """With undos, resets and reboots in between."""
    erases = run(program, "wear", 20_000)
    assert min(erases) > 1000
    assert max(erases) <= 1.1 * min(erases)


def test_a_page_that_fails_is_passed_over_and_nothing_is_lost(program: Path) -> None:
    result = run(program, "failing", 1)
    assert result["refused"] > 0
    assert result["saves"] > result["refused"]


def test_records_of_the_first_version_still_load(program: Path) -> None:
    """record_1.bin: three classes, two replay embeddings each (this build: three), no guard, weights 0.00, 0.01 …"""
    state = run(program, "load", HERE / "record_1.bin")
    assert state["status"] == 0
    assert state["names"] == ["a", "b", "lamp"]
    assert (state["updates"], state["taught"]) == (77, 9)
    assert state["guard"] == 2  # the factory's, which the record did not know
    assert np.float32(state["head"]).tolist() == (np.arange(18) * 0.01).astype(np.float32).tolist()


@pytest.mark.parametrize("learner", ["program", "adapted_program"])
def test_records_of_the_second_version_still_load(learner: str, request: pytest.FixtureRequest) -> None:
    """record_2.bin, also into a learner with adapters, which then stand as the factory left them."""
    state = run(request.getfixturevalue(learner), "load", HERE / "record_2.bin")
    assert state["status"] == 0
    assert state["names"] == ["a", "b"]
    assert state["updates"] == 26
    assert state["head"] == run(request.getfixturevalue("program"), "load", HERE / "record_2.bin")["head"]
    assert not any(state["adapters"])


@pytest.mark.parametrize(("learner", "suffix"), [("program", ""), ("adapted_program", "_adapters")])
def test_records_of_the_third_version_still_load(learner: str, suffix: str, request: pytest.FixtureRequest) -> None:
    """The same state as of this version, which says no more about classes."""
    states = [run(request.getfixturevalue(learner), "load", HERE / f"record_{n}{suffix}.bin") for n in (3, 4)]
    assert states[0] == states[1]
    assert states[0]["status"] == 0


def test_regressions_of_the_third_version_still_load(values_program: Path) -> None:
    """Without a guard, and with a matrix that starts anew."""
    old = run(values_program, "load", HERE / "record_3_values.bin")
    assert (old["status"], old["updates"], old["guard"], old["matrix"]) == (0, 9, 0, 7.0)


def test_regressions_load_as_they_were_stored(values_program: Path) -> None:
    """With the newest lessons, which guard it, and the matrix of recursive least squares."""
    stored = HERE / "record_4_values.bin"
    assert subprocess.run([values_program, "record"], capture_output=True, check=True).stdout == stored.read_bytes()
    state = run(values_program, "load", stored)
    assert (state["status"], state["updates"], state["guard"]) == (0, 9, 5)
    assert 0 < state["matrix"] < 7.0  # it has learned: its trace is smaller than at the start


def test_records_with_adapters_load_as_they_were_stored(program: Path, adapted_program: Path) -> None:
    stored = HERE / "record_4_adapters.bin"
    assert subprocess.run([adapted_program, "record"], capture_output=True, check=True).stdout == stored.read_bytes()
    state = run(adapted_program, "load", stored)
    assert state["status"] == 0
    assert len(state["adapters"]) == 6
    assert all(state["adapters"])
    refused = run(program, "load", stored)
    assert (refused["status"], refused["updates"]) == (-3, 0)  # its head was learned with adapters that are not here


def test_records_of_this_version_load_as_they_were_stored(program: Path) -> None:
    stored = HERE / "record_4.bin"
    assert subprocess.run([program, "record"], capture_output=True, check=True).stdout == stored.read_bytes()
    state = run(program, "load", stored)
    assert state["status"] == 0
    assert state["updates"] == 26  # of 27, one found nothing to rehearse


def _lives(program: Path, updates: int, moved: float = 1.0) -> None:
    """`moved`: the weight that something has learned to at least; least squares draw theirs to where they began."""
    result = run(program, "life", updates)
    assert result["updates"] >= updates
    assert result["faults"] == 0
    assert moved < result["largest"] < 1000
    assert min(result["erases"]) > 10
    assert max(result["erases"]) <= 1.1 * min(result["erases"])


LIFE = ("-std=c99", "-O2", "-ffp-contract=off", "-DLARGE")


@pytest.mark.parametrize(
    ("flags", "updates"),
    [((), 400_000), ((ADAPTERS,), 300_000), (VALUES, 100_000)],
    ids=["head", "adapters", "values"],
)
def test_a_life_of_learning_stays_bounded(flags: tuple[str, ...], updates: int, tmp_path: Path) -> None:
    """12 classes of 64 features; right and wrong labels, noise, extremes, one-sided labels, classes that come and go."""
    _lives(build(tmp_path / "life", *LIFE, *flags), updates, 0.5 if flags is VALUES else 1.0)


@pytest.mark.long
@pytest.mark.parametrize("flags", [(), (ADAPTERS,), VALUES], ids=["head", "adapters", "values"])
def test_ten_million_updates_stay_bounded(flags: tuple[str, ...], tmp_path: Path) -> None:
    _lives(build(tmp_path / "life", *LIFE, *flags), 10_000_000, 0.5 if flags is VALUES else 1.0)


FACTORY = {"status": 0, "classes": 2, "updates": 0, "guard": 2, "taught": 0, "names": ["a", "b"]}
IMAGE_HEADER, MODEL, CLASSES, VERSION = 16, 16, 18, 6


def _sealed(image: bytes) -> bytes:
    """With CRC and commit word that fit what stands before."""
    crc = zlib.crc32(image[:-8])
    return image[:-8] + struct.pack("<II", crc, crc ^ 0x656E6F64)


def _refused(program: Path, image: bytes, folder: Path) -> int:
    file = folder / "image"
    file.write_bytes(image)
    state = run(program, "load", file)
    status = state.pop("status")
    head = state.pop("head")
    assert not any(state.pop("adapters"))
    assert state.pop("matrix") == 0
    assert state == {key: value for key, value in FACTORY.items() if key != "status"}
    assert head[0] == pytest.approx(0.3)
    return int(status)


def test_what_does_not_fit_is_refused_and_changes_nothing(program: Path, tmp_path: Path) -> None:
    good = (HERE / "record_4.bin").read_bytes()

    def changed(offset: int, value: bytes) -> bytes:
        return _sealed(good[:offset] + value + good[offset + len(value) :])

    body = IMAGE_HEADER
    argument, format_, unknown, space = -1, -2, -4, -3
    assert _refused(program, changed(body, b"\x09"), tmp_path) == argument  # another model
    assert _refused(program, changed(VERSION, b"\x05\x00"), tmp_path) == unknown  # a version to come
    assert _refused(program, changed(body + CLASSES, b"\x05\x00"), tmp_path) in (space, format_)
    assert _refused(program, changed(body + MODEL, b"\x07\x00"), tmp_path) == format_  # other features
    nan, infinite = struct.pack("<f", float("nan")), struct.pack("<f", float("inf"))
    assert _refused(program, changed(body + 64, nan), tmp_path) == format_
    assert _refused(program, changed(body + 64 + 20, infinite), tmp_path) == format_
    assert _refused(program, good[:-1] + bytes([good[-1] ^ 1]), tmp_path) == format_
    assert _refused(program, good[: len(good) // 2], tmp_path) == format_
    assert _refused(program, b"", tmp_path) == format_


@pytest.mark.parametrize(
    ("learner", "record"), [("program", "record_4.bin"), ("values_program", "record_4_values.bin")]
)
def test_random_damage_with_a_right_crc_never_breaks_the_device(
    learner: str, record: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    program = request.getfixturevalue(learner)
    good, rng = (HERE / record).read_bytes(), np.random.default_rng(5)
    file = tmp_path / "image"
    for _ in range(40):
        damaged = bytearray(good)
        for place in rng.integers(IMAGE_HEADER, len(good) - 8, 3):
            damaged[place] = rng.integers(256)
        file.write_bytes(_sealed(bytes(damaged)))
        state = run(program, "load", file)
        assert np.isfinite(state["head"]).all()
