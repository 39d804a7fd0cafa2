"""`fieldwren bench --suite`: the bar table from a fresh run, with what is absent said by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from fieldwren.benchmarks.peers import load_peer
from fieldwren.benchmarks.suite import constants_bytes
from fieldwren.cli.frame import run
from fieldwren.tflite import read_model
from support import require_tool


@pytest.mark.parametrize(
    ("name", "nbytes"), [("mlperf_kws_dscnn", 24376), ("mlperf_ad01", 270880), ("tinymaix_vww96", 219072)]
)
def test_constants_of_the_model_file(shared_data: Path, name: str, nbytes: int) -> None:
    """As they were counted along with the peer's figures, in buffers of the flatbuffer."""
    assert constants_bytes(read_model(shared_data / "models" / f"{name}.tflite")) == nbytes


def test_every_bar_is_below_the_peer() -> None:
    peer = load_peer()
    assert len(peer.models) == 8
    for model in peer.models:
        assert model.goal < model.bar < model.instructions
        assert model.ram_share <= 0.9


@pytest.mark.emulator
def test_one_model_at_hand(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    require_tool("qemu-system-arm")
    require_tool("arm-none-eabi-gcc")
    models = shared_data / "models"
    (tmp_path / "models").mkdir()
    shutil.copy(models / "tflm_hello_world.tflite", tmp_path / "models")
    monkeypatch.setenv("FIELDWREN_DATA", str(tmp_path))
    code = run(["bench", "--suite", "--model", f"mlperf_ad01={models / 'mlperf_ad01.tflite'}", "--json"])
    result = json.loads(capfd.readouterr().out)
    assert code == (0 if result["holds"] else 1)
    rows = {row["model"]: row for row in result["rows"]}
    assert rows.keys() == {"tflm_hello_world", "mlperf_ad01"}
    assert {"mlperf_resnet8", "mlperf_vww96", "mlperf_kws_dscnn"} <= set(result["missing"])
    row = rows["mlperf_ad01"]
    assert row["peer_instructions"] == 573202
    assert 264192 / 2 < row["instructions"] <= row["bar"]  # one SMLAD does two of its 264,192 multiply-accumulates
    assert {limit["name"]: limit["value"] <= limit["limit"] for limit in row["limits"]} == dict.fromkeys(
        ("instructions", "code", "constants", "ram"), True
    )


def test_a_model_that_the_table_does_not_have(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "--suite", "--model", "resnet50=x.tflite"]) == 2
    assert "mlperf_resnet8" in capfd.readouterr().err
    assert run(["bench", "--suite", "x.tflite"]) == 2
    assert run(["bench", "--board", "mps2-an386"]) == 2
