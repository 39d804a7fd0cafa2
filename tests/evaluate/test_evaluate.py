"""`eval`: the figures follow from the app's own answers, on words, tables and continuous audio."""

from __future__ import annotations

import csv
import json
import shutil
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from fieldwren import paths
from fieldwren.app import load_app
from fieldwren.datasets import Event
from fieldwren.device import Detected
from fieldwren.errors import BadInputError, MissingToolError
from fieldwren.evaluate import evaluate
from fieldwren.evaluate.classify import figures
from fieldwren.evaluate.streams import score
from fieldwren.run import run
from fieldwren.train import streams
from fieldwren.train.clips import load_spoken_digits
from support import require_data

DIGITS = paths.examples() / "digits"
CHANNELS = "Temperature,Humidity,Light,CO2,HumidityRatio,Occupancy"


def _record(path: Path, pcm: np.ndarray, events: Sequence[Event] | None) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(pcm.astype("<i2").tobytes())
    if events is not None:
        with path.with_suffix(".csv").open("w", newline="", encoding="utf-8") as table:
            writer = csv.writer(table)
            writer.writerow(["start_s", "end_s", "label"])
            writer.writerows([e.start_s, e.end_s, e.label] for e in events)


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten digits with pauses and a list of them; ten seconds of noise without one."""
    folder = tmp_path_factory.mktemp("audio")
    source = folder / "words"
    source.mkdir()
    for digit in range(10):
        shutil.copy(require_data("audio", "fsdd") / f"{digit}_nicolas_{digit}.wav", source)
    rng = np.random.default_rng(3)
    pcm, events = streams.sequence(load_spoken_digits(source), rng, noise_db=-55)
    made = folder / "continuous"
    made.mkdir()
    _record(made / "kitchen.wav", pcm, events)
    _record(made / "street_noise_1.wav", (300 * rng.standard_normal(160_000)).astype(np.int16), None)
    return made


def test_words_are_classified_a_group_each(tmp_path: Path) -> None:
    source = require_data("audio", "fsdd")
    for speaker in ("theo", "nicolas"):
        for digit in (0, 4, 7):
            shutil.copy(source / f"{digit}_{speaker}_11.wav", tmp_path)
    shutil.copy(source / "9_theo_12.wav", tmp_path / "lamp_theo_1.wav")  # a word that the app does not know
    result = evaluate(DIGITS, tmp_path, snr_db=[20.0, -10.0])
    assert result.confusion is not None and result.per_class is not None and result.robustness is not None
    counts = np.array(result.confusion.counts)
    labels = result.confusion.labels
    assert counts.sum() == result.count == 7
    assert counts[labels.index("_background")].sum() == 1  # lamp
    assert result.accuracy == pytest.approx(np.trace(counts) / 7)
    assert result.per_class["four"].count == 2
    assert set(result.per_group or ()) == {"theo", "nicolas"}
    assert result.robustness["-10"] <= result.robustness["20"]
    assert result.false_accepts_per_hour is None
    assert evaluate(DIGITS, tmp_path, only=["theo"]).count == 4
    with pytest.raises(BadInputError, match="no group 'nobody'; there are nicolas, theo"):
        evaluate(DIGITS, tmp_path, only=["nobody"])


def test_figures_are_scikit_learns() -> None:
    # precision_recall_fscore_support of the labels below, from scikit-learn 1.5.
    counts = np.array([[5, 1, 0], [2, 3, 1], [0, 0, 0]], np.int64)
    made = figures(("a", "b", "c"), counts, {}, 0)
    assert made.accuracy == pytest.approx(8 / 12)
    assert (made.per_class["a"].precision, made.per_class["a"].recall) == pytest.approx((5 / 7, 5 / 6))
    assert made.per_class["a"].f1 == pytest.approx(0.7692307692307693)
    assert made.per_class["b"].f1 == pytest.approx(0.6)
    assert (made.per_class["c"].recall, made.per_class["c"].precision) == (None, 0.0)
    assert made.macro_f1 == pytest.approx((0.7692307692307693 + 0.6) / 2)  # of the classes that occur


def test_continuous_audio_is_scored_as_the_firmware_hears_it(audio: Path) -> None:
    result = evaluate(DIGITS, audio)
    heard = []
    for name in ("kitchen", "street_noise_1"):
        found = [
            Event(event.label, event.t_ms / 1000, event.t_ms / 1000)
            for event in run(DIGITS, "host", wav=audio / f"{name}.wav", surround=False)
            if isinstance(event, Detected)
        ]
        with (audio / f"{name}.csv").open() if name == "kitchen" else Path("/dev/null").open() as table:
            said = [Event(r["label"], float(r["start_s"]), float(r["end_s"])) for r in csv.DictReader(table)]
        heard.append(score(found, said, 1.0))
    assert (result.expected, result.detected) == (10, sum(s.detected for s in heard))
    assert result.false_accepts == sum(s.false_accepts for s in heard)
    assert result.detected is not None and result.detected >= 8
    assert result.hours is not None and result.fa_upper_95 is not None and result.false_accepts_per_hour is not None
    assert result.fa_upper_95 >= 2.99 / result.hours > result.false_accepts_per_hour
    assert result.count == 0 and result.accuracy is None
    detector = load_app(DIGITS).detector
    assert detector is not None and result.threshold == detector.threshold
    rates = [point.false_reject_rate or 0.0 for point in result.curve or ()]
    assert rates[0] <= rates[-1]


def test_tuning_sets_and_saves_the_operating_point(audio: Path, tmp_path: Path) -> None:
    app = tmp_path / "porch"
    shutil.copytree(DIGITS, app)
    result = evaluate(app, audio, tune_on=audio, false_accepts_per_hour=0.0, save_point=True)
    assert result.tuned and result.false_accepts == 0
    before = evaluate(DIGITS, audio)
    assert (result.false_reject_rate or 0.0) <= (before.false_reject_rate or 0.0) or before.false_accepts
    saved = load_app(app)
    assert saved.detector.threshold == result.threshold
    assert saved.detector.smoothing_ms == result.smoothing_ms
    assert "# the last second is looked at ten times a second" in saved.manifest_path.read_text()
    assert evaluate(app, audio).detected == result.detected


def test_a_described_model_needs_no_app(audio: Path) -> None:
    result = evaluate(DIGITS / "model.tflite", audio)
    assert result.expected == 10 and result.app == "model"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("start_s,end_s,label\n1,2\n", r"kitchen.csv:2: must have start_s, end_s, label"),
        ("start_s,end_s,label\n1,x,one\n", r"kitchen.csv:2: start_s and end_s must be seconds"),
        ("start_s,end_s,label\n1,2,one\n3,1,two\n", r"kitchen.csv:3: an event must start"),
        ("1,2,one\n3,4,two\n", r"kitchen.csv:1: must be a header with start_s, end_s, label"),
        ("start_s;end_s;label\n1;2;one\n", r"kitchen.csv:1: must be a header with start_s, end_s, label"),
        ("start_s,end_s,label\n900,901,one\n", r"kitchen.wav: ends before its 'one' at 900 s"),
    ],
)
def test_a_wrong_list_is_named(audio: Path, tmp_path: Path, table: str, message: str) -> None:
    shutil.copy(audio / "kitchen.wav", tmp_path)
    (tmp_path / "kitchen.csv").write_text(table)
    with pytest.raises(BadInputError, match=message):
        evaluate(DIGITS, tmp_path)


def test_what_an_app_never_reports_is_not_expected_of_it(audio: Path, tmp_path: Path) -> None:
    shutil.copy(audio / "street_noise_1.wav", tmp_path)
    table = "\ufeffstart_s,end_s,label\n1,2,one\n3,4,_background\n5,6,lamp\n"
    (tmp_path / "street_noise_1.csv").write_text(table, encoding="utf-8")
    assert evaluate(DIGITS, tmp_path).expected == 1


def test_what_cannot_be_measured_is_refused(audio: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingToolError, match=r"no \.wav recordings"):
        evaluate(DIGITS, tmp_path)
    with pytest.raises(MissingToolError, match="no such folder"):
        evaluate(DIGITS, tmp_path / "absent")
    with pytest.raises(BadInputError, match="--tune is for apps that listen"):
        evaluate(paths.examples() / "presence", require_data("presence", "occupancy"), tune_on=audio)
    (tmp_path / "blank.csv").write_text(f"{CHANNELS}\n" + ",,,,,1\n" * 30)
    with pytest.raises(BadInputError, match="no complete row that the app could judge"):
        evaluate(paths.examples() / "presence", tmp_path)
    bare = require_data("models", "mlperf_kws_dscnn.tflite")
    with pytest.raises(BadInputError, match="does not carry its front end"):
        evaluate(bare, audio)
    with pytest.raises(BadInputError, match="only an app's manifest can keep an operating point"):
        evaluate(DIGITS, audio, save_point=True)


def test_tables_from_the_command_line(capfd: pytest.CaptureFixture[str]) -> None:
    from fieldwren.cli.frame import run as fieldwren

    data = require_data("presence", "occupancy")
    arguments = ["eval", str(paths.examples() / "presence"), "--data", str(data), "--only", "datatest"]
    assert fieldwren([*arguments, "--json"]) == 0
    made = json.loads(capfd.readouterr().out)
    assert 0.97 < made["accuracy"] <= 1 and made["per_group"].keys() == {"datatest"}
    assert made["confusion"]["labels"] == ["vacant", "occupied"]
    assert fieldwren(arguments) == 0
    assert "occupied" in capfd.readouterr().out
    assert fieldwren([*arguments, "--snr", "loud"]) == 2
