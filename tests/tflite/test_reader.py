from __future__ import annotations

import csv
import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from fieldwren.errors import BadInputError, UnsupportedError
from fieldwren.tflite import read_bytes, read_model
from ops.model_builder import build, constant, operator, tensor


def test_shown_models_read_as_the_manifest_says(shared_data: Path) -> None:
    with (shared_data / "models" / "manifest.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        graph = read_model(shared_data / "models" / row["file"])
        assert graph.sha256 == row["sha256"]
        counted = Counter(
            f"{'CUSTOM:' if op.is_custom else ''}{op.name}" for body in graph.subgraphs for op in body.operators
        )
        stated = dict(item.rsplit("x", 1) for item in row["ops"].split())
        assert sum(counted.values()) == sum(int(n) for n in stated.values()), row["file"]
        # The manifest reads this file's operator codes from the old field, which the file leaves at 0 (ADD).
        if row["file"] != "cfu_hps_74ops.tflite":
            assert counted == Counter({name: int(n) for name, n in stated.items()}), row["file"]


def test_every_part_of_a_built_model_comes_back() -> None:
    x = tensor((1, 4), "int8", 0.5, -3, name="x")
    w = constant(np.arange(8, dtype=np.int8).reshape(2, 4), (0.25, 0.125), name="w")
    y = tensor((1, 2), "int8", 0.75, 7, name="y")
    op = operator("FULLY_CONNECTED", [x, w, None], [y], fused_activation_function="RELU")
    content = build([op], [x], [y])
    graph = read_bytes(content, "small")
    assert graph.sha256 == hashlib.sha256(content).hexdigest()
    by_name = {t.name: t for t in graph.main.tensors}
    assert by_name["x"].shape == (1, 4)
    assert by_name["x"].quantisation is not None
    assert (by_name["x"].quantisation.scale, by_name["x"].quantisation.zero_point) == (0.5, -3)
    assert by_name["w"].data is not None
    np.testing.assert_array_equal(by_name["w"].data, np.arange(8, dtype=np.int8).reshape(2, 4))
    assert by_name["w"].quantisation is not None
    np.testing.assert_array_equal(by_name["w"].quantisation.scales, np.float32([0.25, 0.125]))
    read = graph.main.operators[0]
    assert read.name == "FULLY_CONNECTED"
    assert read.inputs[2] == -1
    assert read.options["fused_activation_function"] == "RELU"


@pytest.mark.parametrize(
    "content", [b"", b"x" * 100, b"TFL3" * 10, b"\0\0\0\0TFL3", b"\xff" * 4 + b"TFL3" + b"\xff" * 60]
)
def test_what_is_no_model_is_refused_in_one_sentence(content: bytes) -> None:
    with pytest.raises(BadInputError) as caught:
        read_bytes(content, "nonsense")
    assert "nonsense" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_absent_file_names_the_path(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="nowhere"):
        read_model(tmp_path / "nowhere.tflite")


def test_truncated_models_are_refused(shared_data: Path) -> None:
    content = (shared_data / "models" / "tflm_hello_world.tflite").read_bytes()
    for length in range(0, len(content) - 16, 7):
        with pytest.raises((BadInputError, UnsupportedError)):
            read_bytes(content[:length], "truncated")


def test_dynamic_shape_is_refused_by_name() -> None:
    x = tensor((1, -1), "int8", 0.5, 0, name="flexible")
    y = tensor((1, 4), "int8", 0.5, 0)
    with pytest.raises(UnsupportedError, match="flexible"):
        read_bytes(build([operator("RELU", [x], [y])], [x], [y]), "dynamic")
