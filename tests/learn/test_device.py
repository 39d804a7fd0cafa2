"""`fieldwren learn` on a device: this computer, whose flash is a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fieldwren import paths
from fieldwren.cli.frame import run
from fieldwren.errors import BadInputError
from fieldwren.learn import device
from support import require_data, require_tool

APP = paths.examples() / "presence"
CHANNELS = ["Temperature", "Humidity", "Light", "CO2", "HumidityRatio"]


@pytest.fixture(autouse=True)
def _compiler() -> None:
    require_tool("cc")


def rows(path: Path, light: float, count: int) -> Path:
    """A table of an evening with the lamp at `light` lux."""
    rng = np.random.default_rng(int(light))
    table = np.array([21.0, 26.0, light, 600.0, 0.004]) + rng.normal(0, [0.1, 0.2, 5, 10, 1e-5], (count, 5))
    path.write_text("\n".join([",".join(CHANNELS), *(",".join(f"{v:.5f}" for v in row) for row in table)]) + "\n")
    return path


def said(capfd: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> Any:
    assert run(["learn", *map(str, arguments), "--json"]) == code
    return json.loads(capfd.readouterr().out)


@pytest.mark.slow
def test_a_class_is_taught_kept_undone_and_carried_to_another_device(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    one, two = ("--state", tmp_path / "one"), ("--state", tmp_path / "two")
    disco = rows(tmp_path / "disco.csv", 1500, 12)
    result = said(capfd, APP, "--label", "disco", "--shots", "5", "--csv", disco, *one)
    assert result["is_new"]
    assert (result["taught"], result["rolled_back"], result["saved"]) == (5, 0, True)
    assert (result["accuracy_before"], result["accuracy_after"]) == (0.0, 1.0)
    assert result["measured_on"] == "others"

    status = said(capfd, "status", APP, *one)
    assert [item["label"] for item in status["classes"]] == ["vacant", "occupied", "disco"]
    assert status["classes"][-1] == {"label": "disco", "taught": 5, "added": True}
    assert status["origin"] == "saved"
    again = said(capfd, APP, "--label", "disco", "--shots", "3", "--csv", disco, *one)
    assert not again["is_new"]
    assert again["accuracy_before"] == 1.0

    assert len(said(capfd, "undo", APP, *one)["classes"]) == 3
    head = tmp_path / "head.bin"
    assert said(capfd, "export", APP, head, *one)["bytes"] == head.stat().st_size
    assert len(said(capfd, "status", APP, *two)["classes"]) == 2
    assert said(capfd, "import", APP, head, *two)["classes"] == said(capfd, "status", APP, *one)["classes"]
    assert len(said(capfd, "reset", APP, *one)["classes"]) == 2
    assert len(said(capfd, "status", APP, *two)["classes"]) == 3


def test_what_cannot_be_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    state = ("--state", tmp_path / "state")
    table = rows(tmp_path / "few.csv", 500, 2)
    for arguments, words in (
        ((APP,), "--label"),
        ((APP, "--label", "x", "--feedback", "right"), "--label"),
        ((APP, "--label", "x"), "--csv"),
        ((APP, "--label", "x", "--csv", table), "2 rows"),
        ((APP, "--label", "two words", "--shots", "1", "--csv", table), "one word"),
        ((APP, "--label", "x" * 20, "--shots", "1", "--csv", table), "19 bytes"),
        ((APP, "--label", "tw\x01o", "--shots", "1", "--csv", table), "control characters"),
        ((APP, "--label", "#1", "--shots", "1", "--csv", table), "none of # @ *"),
        ((APP, "--label", "", "--shots", "1", "--csv", table), "1 to 19 bytes"),
        ((APP, "--label", "x", "--shots", "-1", "--csv", table), "not in the range"),
        ((APP, "--label", "x", "--shots", "1", "--csv", tmp_path), "irectory"),
        ((APP, "--feedback", "right"), "detected"),
        (("undo", APP), "go back"),
        (("import", APP, table), "damaged"),
        (("import", APP, tmp_path / "missing"), "cannot be read"),
    ):
        assert words in said(capfd, *arguments, *state, code=2)["error"], arguments
    assert len(said(capfd, "status", APP, *state)["classes"]) == 2


def test_an_app_without_learning_says_so(tmp_path: Path) -> None:
    text = (APP / "fieldwren.toml").read_text()
    (tmp_path / "fieldwren.toml").write_text(text[: text.index("[learn]")])
    (tmp_path / "model.tflite").write_bytes((APP / "model.tflite").read_bytes())
    with pytest.raises(BadInputError, match=r"\[learn\]"), device.connected(tmp_path):
        pass


def test_a_head_of_another_model_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    digits = paths.examples() / "digits"
    voice = sorted(require_data("audio", "fsdd").glob("7_theo_*.wav"))[:2]
    wavs = [part for file in voice for part in ("--wav", file)]
    assert said(capfd, digits, "--label", "seven", "--shots", "1", *wavs, "--state", tmp_path / "a")["saved"]
    head = tmp_path / "head.bin"
    said(capfd, "export", digits, head, "--state", tmp_path / "a")
    refusal = said(capfd, "import", APP, head, "--state", tmp_path / "b", code=2)
    assert "another model" in refusal["error"] or "room" in refusal["error"]
