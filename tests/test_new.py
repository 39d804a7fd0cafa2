"""New apps are whole copies of an example, or nothing."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from fieldwren import new as module
from fieldwren import paths
from fieldwren.app import load_app
from fieldwren.cli import frame
from fieldwren.errors import BadInputError
from fieldwren.new import kinds, new

MANIFEST = """# An app.
name = "song"  # shown by status
kind = "keyword"

[[label]]
name = "wren"
"""


@pytest.fixture
def examples(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "examples"
    for name, kind in (("song", "keyword"), ("warbler", "keyword"), ("nest", "presence")):
        (folder / name / "model").mkdir(parents=True)
        (folder / name / "fieldwren.toml").write_text(MANIFEST.replace("keyword", kind))
        (folder / name / "model" / "weights.tflite").write_bytes(b"\x00TFL3")
        (folder / name / ".pio").mkdir()
    monkeypatch.setattr(paths, "examples", lambda: folder)
    return folder


def test_kinds_are_what_the_examples_say(examples: Path) -> None:
    assert kinds() == {"presence": examples / "nest", "keyword": examples / "song"}


def test_a_new_app_is_the_example_with_its_own_name(examples: Path, tmp_path: Path) -> None:
    made = new(tmp_path / "porch", kind="keyword")
    assert made.example == "song"
    assert made.files == ("fieldwren.toml", "model/weights.tflite")
    text = (tmp_path / "porch" / "fieldwren.toml").read_text()
    assert text == MANIFEST.replace('"song"', '"porch"')
    assert tomllib.loads(text)["label"] == [{"name": "wren"}]
    assert (tmp_path / "porch" / "model" / "weights.tflite").read_bytes() == b"\x00TFL3"


@pytest.mark.parametrize(
    ("name", "kind", "sentence"),
    [
        ("there", "keyword", "exists already"),
        ("porch", "song", "the kinds are presence, keyword"),
        ("a b", "keyword", "cannot name an app"),
        ("-x", "keyword", "cannot name an app"),
        ("nowhere/porch", "keyword", "is not a folder"),
    ],
)
def test_refusals_leave_nothing_behind(examples: Path, tmp_path: Path, name: str, kind: str, sentence: str) -> None:
    (tmp_path / "there").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BadInputError, match=sentence):
        new(tmp_path / name, kind=kind)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_failure_half_way_leaves_nothing_behind(
    examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(manifest: Path, name: str) -> None:
        raise OSError(28, "No space left on device", str(manifest))

    monkeypatch.setattr(module, "_set_name", full)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OSError, match="No space left"):
        new(tmp_path / "porch", kind="keyword")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_every_real_example_makes_an_app(kind: str, tmp_path: Path) -> None:
    new(tmp_path / "porch", kind=kind)
    app = load_app(tmp_path / "porch")
    assert (app.name, app.kind) == ("porch", kind)
    assert app.model_path == tmp_path / "porch" / "model.tflite"


def test_the_verb(
    examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert frame.run(["new", "porch", "--kind", "presence", "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == {
        "name": "porch",
        "kind": "presence",
        "folder": "porch",
        "example": "nest",
        "files": ["fieldwren.toml", "model/weights.tflite"],
    }
    assert frame.run(["new", "porch", "--kind", "presence"]) == 2
    assert capfd.readouterr().err == "Error: porch exists already: choose another name or remove it\n"
