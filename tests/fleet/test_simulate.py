"""`fleet simulate` and `fleet resume` from files, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fieldwren import paths
from fieldwren.cli.frame import run
from fieldwren.errors import BadInputError
from fieldwren.fleet.federation import load_federation
from support import require_data

TOML = """data = "{data}"
app = "{app}"
rounds = 2
seed = 1
hold_out = ["theo"]
[strategy]
name = "reptile-serial"
clients_per_round = 2
inner_steps = 8
inner_lr = 0.02
[[clients]]
kind = "simulated"
count = 3
groups = ["jackson"]
[measure]
shots = [0, 1]
repeats = 1
"""


@pytest.fixture(scope="module")
def toml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A federation over a few recordings of two people."""
    folder = tmp_path_factory.mktemp("words")
    for path in require_data("audio", "fsdd").glob("?_[tj]*_[0-3].wav"):
        (folder / path.name).symlink_to(path)
    file = folder / "federation.toml"
    file.write_text(TOML.format(data=".", app=paths.examples() / "fleet" / "digits"))
    return file


def test_the_document(toml: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    state = str(tmp_path / "state.db")
    assert run(["fleet", "simulate", str(toml), "--state", state, "--json"]) == 0
    text = capfd.readouterr().out
    document = json.loads(text)
    assert len(document["rounds"]) == 2
    keys = {"accuracy_mean", "accuracy_min", "bytes_down", "bytes_up", "clients", "dropped"}
    assert all(keys == set(done) for done in document["rounds"])
    assert [item["shots"] for item in document["k_shot"]] == [0, 1]
    assert document["k_shot"][0]["before"] == document["k_shot"][0]["practised"]["before"]
    audit = document["audit"]
    assert (audit["sent"], audit["applied"], audit["rejected"]) == (4, 4, 0)
    assert len(document["head_sha256"]) == 64
    assert run(["fleet", "resume", state, "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == document


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('hold_out = ["theo"]', 'hold_out = ["jackson"]', "'jackson' is held out, and clients learn from it"),
        ('["jackson"]', '["nobody"]', "no group 'nobody'"),
        ("count = 3", "count = 1", "2 clients a round of 1 devices"),
        ('"reptile-serial"', '"median"', ":7: strategy.name: is 'median'"),
        ("inner_lr = 0.02", "inner_lr = 3.0", ":10: strategy.inner_lr: is 3.0"),
        ("seed = 1", "sed = 1", "there is no such field"),
        ("rounds = 2", "rounds = ", "is not TOML"),
        ("inner_steps = 8", 'aggregation = "median"', "one device at a time"),
        ('kind = "simulated"', 'kind = "serial"', "need as many ports"),
        ('hold_out = ["theo"]', 'hold_out = ["theo", "theo"]', "'theo' stands there twice"),
        ('digits"', 'digits\\u0000"', ":2: app: no path has a zero byte in it"),
        ("[strategy]", "[faults]\npoisoned = 4\n[strategy]", "4 poisoned of 3 devices"),
        ("inner_steps = 8", 'aggregation = "krum"', "strategy.aggregation: is 'krum'"),
    ],
)
def test_what_it_refuses(
    toml: Path, tmp_path: Path, old: str, new: str, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    text = toml.read_text().replace('data = "."', f'data = "{toml.parent}"')
    assert old in text
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(text.replace(old, new))
    assert run(["fleet", "simulate", str(wrong)]) == 2
    error = capfd.readouterr().err
    assert words in error
    assert "Traceback" not in error


def test_robust_means_need_whole_changes(toml: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(toml.read_text().replace('"reptile-serial"', '"tinymetafed"\naggregation = "median"'))
    with pytest.raises(BadInputError, match="top_p = 1"):
        load_federation(wrong)


def test_examples() -> None:
    for file in sorted((paths.examples() / "fleet").glob("*.toml")):
        assert load_federation(file).app_path.is_dir()


def test_top_p_is_a_share_or_a_percentage(toml: Path, tmp_path: Path) -> None:
    for written, share in (("0.2", 0.2), ("20", 0.2), ("1", 1.0), ("100", 1.0)):
        file = tmp_path / "f.toml"
        file.write_text(toml.read_text().replace("inner_steps = 8", f"top_p = {written}"))
        assert load_federation(file).strategy.kept_share == share
