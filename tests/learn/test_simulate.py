"""`fieldwren learn simulate` on recordings and rows, and how it says no."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from fieldwren import paths
from fieldwren.cli.frame import run
from fieldwren.datasets import centred
from fieldwren.errors import BadInputError, MissingToolError
from fieldwren.learn import simulate
from fieldwren.learn.cut import cut
from fieldwren.learn.factory import StoredEmbeddings, stored_embeddings
from fieldwren.learn.picture import curve_svg
from fieldwren.tflite import read_model
from support import require_data

DIGITS, PRESENCE = paths.examples() / "digits", paths.examples() / "presence"


@pytest.fixture(scope="module")
def few_words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six recordings of each digit by two speakers: as much as a test has time for."""
    folder = tmp_path_factory.mktemp("words")
    for path in require_data("audio", "fsdd").glob("?_[tj]*_[0-5].wav"):
        (folder / path.name).symlink_to(path)
    return folder


def test_digits(few_words: Path, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ["learn", "simulate", str(DIGITS), "--data", str(few_words), "--shots", "2", "--repeats", "2", "--json"]
    assert run(arguments) == 0
    result = json.loads(capfd.readouterr().out)
    assert set(result["per_group"]) == {"jackson", "theo"}
    assert result["accuracy_after"] >= result["accuracy_before"] - 0.03
    assert result["accuracy_new"] is None
    assert result["agreement"] >= 0.995
    assert result["forgotten"] == pytest.approx(result["accuracy_old_before"] - result["accuracy_old_after"])
    assert result["instructions_per_update"] is None
    assert (result["updates"], result["ignored"], len(result["head_sha256"])) == (result["updates"], 0, 64)
    assert result["accuracy_before"] == result["accuracy_old_before"]
    means = [group["accuracy_after"] for group in result["per_group"].values()]
    assert result["accuracy_after"] == pytest.approx(np.mean(means))


def test_new_words(few_words: Path) -> None:
    """Three digits are taken out of the head and taught again with three samples each."""
    new = ("seven", "eight", "nine")
    result = simulate(DIGITS, few_words, shots=3, only=["jackson"], new_classes=new, repeats=2)
    assert result.accuracy_new is not None
    assert result.accuracy_new >= 0.85
    assert result.accuracy_old_after >= result.accuracy_old_before - 0.05
    assert result.accuracy_before <= 0.7


def test_seed_decides(few_words: Path) -> None:
    hashes = [simulate(DIGITS, few_words, shots=1, only=["theo"], seed=seed).head_sha256 for seed in (0, 0, 1)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_presence_in_a_new_room(tmp_path: Path) -> None:
    """Offsets of a new room spoil the answers; 25 labelled samples of each class mend them."""
    lines = require_data("presence", "occupancy", "datatest.txt").read_text().splitlines()
    moved = [lines[0]]
    for line in lines[1:]:
        fields = line.split(",")
        fields[2], fields[4] = str(float(fields[2]) + 2), str(float(fields[4]) / 2)
        fields[5] = str(float(fields[5]) + 150)
        moved.append(",".join(fields))
    (tmp_path / "new room.txt").write_text("\n".join(moved) + "\n")
    result = simulate(PRESENCE, tmp_path, shots=25, repeats=3)
    assert result.accuracy_after >= 0.9
    assert result.accuracy_after >= result.accuracy_before


def test_what_it_refuses(few_words: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="there are jackson, theo"):
        simulate(DIGITS, few_words, shots=1, only=["nobody"])
    with pytest.raises(BadInputError, match="6 shots leave none"):
        simulate(DIGITS, few_words, shots=6)
    with pytest.raises(BadInputError, match="no samples of the new class 'lamp'"):
        simulate(DIGITS, few_words, shots=1, new_classes=["lamp"])
    with pytest.raises(BadInputError, match="mps2-an386"):
        simulate(DIGITS, few_words, shots=1, board="microbit")
    with pytest.raises(MissingToolError, match="no LABEL_GROUP_INDEX"):
        simulate(DIGITS, tmp_path, shots=1)
    with pytest.raises(MissingToolError, match="no such folder"):
        simulate(DIGITS, tmp_path / "absent", shots=1)


def test_metadata_comes_back_and_damage_is_told() -> None:
    graph = read_model(DIGITS / "model.tflite")
    made = cut(graph)
    rows = np.arange(-64, 64, dtype=np.int8).reshape(2, 64)
    stored = StoredEmbeddings(
        np.linspace(-100, 0, 64).astype(np.float32),
        np.full(64, 0.03, np.float32),
        {"one": rows},
        {"two": rows[:1]},
        rows,
    )

    def read(text: str) -> StoredEmbeddings:
        metadata = {**graph.metadata, "fieldwren.head": text.encode()}
        return stored_embeddings(dataclasses.replace(graph, metadata=metadata), made)

    again = read(stored.to_json())
    np.testing.assert_array_equal(again.mean, stored.mean)
    np.testing.assert_array_equal(again.gain, stored.gain)
    np.testing.assert_array_equal(again.replay["one"], rows)
    np.testing.assert_array_equal(again.guard["two"], rows[:1])
    for damaged in ("", "{}", "[]", stored.to_json().replace("0.0299", "-0.0299"), stored.to_json()[:-20]):
        with pytest.raises(BadInputError, match=r"fieldwren\.head"):
            read(damaged)


def test_centred_recording() -> None:
    """The word is in the middle at half of full scale, and the rest is quiet."""
    tone = (1000 * np.sin(np.arange(4000) / 5)).astype(np.int16)
    window = centred(tone, 16000, "tone")
    assert np.abs(window[6000:10000]).max() == pytest.approx(16384, abs=300)
    assert np.abs(window[:5990]).max() < 400
    assert centred(np.zeros(20000, np.int16), 16000, "silence").shape == (16000,)


def test_learning_curve_is_a_picture_of_its_points(tmp_path: Path) -> None:
    room = tmp_path / "room"
    room.mkdir()
    (room / "room.txt").symlink_to(require_data("presence", "occupancy", "datatest.txt"))
    result = simulate(paths.examples() / "presence", room, shots=3, repeats=2, passes=2, with_curve=True)
    assert [point.shots for point in result.curve] == [0, 1, 2, 3]
    assert result.curve[0].accuracy == result.accuracy_before
    assert result.curve[-1].accuracy == result.accuracy_after
    picture = ElementTree.fromstring(curve_svg(result))
    circles = picture.findall("{http://www.w3.org/2000/svg}circle")
    assert len(circles) == 2 * len(result.curve)
    heights = [float(circle.get("cy", "nan")) for circle in circles[: len(result.curve)]]
    assert sorted(range(4), key=lambda i: heights[i]) == sorted(range(4), key=lambda i: -result.curve[i].accuracy)


def test_a_sine_that_drifts_in_amplitude_and_phase_is_followed(tmp_path: Path) -> None:
    """Within 200 rows the error is at most 1.2 times what it was before the drift."""
    x = np.random.default_rng(0).uniform(0, 2 * np.pi, 600)
    errors = {}
    for name, y in (("drifted", 1.3 * np.sin(x + 0.5)), ("before", np.sin(x))):
        folder = tmp_path / name
        folder.mkdir()
        rows = "\n".join(f"{a:.6f},{b:.6f}" for a, b in zip(x, y, strict=True))
        (folder / f"{name}.csv").write_text(f"x,y\n{rows}\n")
        errors[name] = simulate(paths.examples() / "sine", folder, shots=200, repeats=2).figures
    assert errors["drifted"]["rmse_before"] > 10 * errors["before"]["rmse_before"]
    assert errors["drifted"]["rmse_after"] <= 1.2 * errors["before"]["rmse_before"]
