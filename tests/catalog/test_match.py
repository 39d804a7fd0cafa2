"""Matching on columns says what a plain reading of the facts says, and what `check` says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from catalog.fleet import device_record, models
from fieldwren.boards.definition import board_ids
from fieldwren.check import check
from fieldwren.errors import BadInputError, UnsupportedError
from ops.model_builder import build, operator, tensor
from support import CHECKOUT, require_data, require_module

require_module("pyoxigraph")

from fieldwren.catalog import add, find_boards, find_models, why_not  # noqa: E402
from fieldwren.catalog.match import match  # noqa: E402
from fieldwren.catalog.model_record import model_record  # noqa: E402
from fieldwren.catalog.models import ModelFacts  # noqa: E402

if TYPE_CHECKING:
    from fieldwren.catalog import Catalog

MODELS = (
    "tflm_person_detect",
    "mlperf_kws_dscnn",
    "tflm_hello_world",
    "tinymaix_vww96",
    "tflm_mnist_lstm",
    "mlperf_ad01",
)


def test_every_pair_as_a_plain_reading_has_it(catalog: Catalog) -> None:
    facts = list(models(150, seed=5))
    rng = np.random.default_rng(6)
    devices = [device_record(number, rng) for number in range(30)]
    catalog.write([*(model_record(f, "test") for f in facts), *devices])
    by_name = {f.name: f for f in facts}
    index = catalog.index
    seen: set[bool] = set()
    for target in (t for t in index.targets if t.kind == "device"):
        said = device_facts(next(d for d in devices if d.graph.value == target.id))
        result = match(index, target)
        for row, model in enumerate(index.models):
            plain = fits(by_name[model.name], said, target.core)
            assert bool(result.fits[row]) == plain, (model.name, target.name)
            seen.add(plain)
    assert seen == {True, False}


def device_facts(record: Any) -> dict[str, list[Any]]:
    """What a device's record says, read from its triples without the catalogue's own reader."""
    found: dict[str, list[Any]] = {"rates": []}
    for t in record.triples:
        name = t.predicate.value.rpartition("#")[2]
        if t.subject.value == record.graph.value:
            found.setdefault(name, []).append(t.object.value)
        elif name == "maxRateHz":
            found["rates"].append((t.subject.value.rpartition(":")[2], float(t.object.value)))
    return found


def fits(model: ModelFacts, device: dict[str, list[Any]], core: str | None) -> bool:
    """The rule in words: footprint of the device's core, else of any; operators, sensors and rates all there."""
    own = {f.core: f for f in model.footprints}
    footprint = own.get(core or "", own["portable"])
    rates = dict(device["rates"])
    return (
        footprint.flash_bytes <= int(device["flashBytes"][0])
        and footprint.ram_bytes <= int(device["ramBytes"][0])
        and ("supportsOperator" not in device or set(model.operators) <= set(device["supportsOperator"]))
        and all(kind in rates and (rate or 0.0) <= rates[kind] for kind, rate in model.needs)
    )


def test_reasons_are_there_exactly_where_a_model_does_not_fit(catalog: Catalog) -> None:
    facts = list(models(60, seed=8))
    rng = np.random.default_rng(9)
    catalog.write([*(model_record(f, "test") for f in facts), *(device_record(n, rng) for n in range(12))])
    for one in find_boards(catalog):
        for found in find_models(catalog, board=one.id):
            assert bool(why_not(catalog, found.id, one.id)) != found.fits, (found.name, one.name)


@pytest.mark.parametrize("name", MODELS)
def test_sizes_fit_and_reasons_are_those_of_check(catalog: Catalog, name: str) -> None:
    model = require_data("models", f"{name}.tflite")
    add(catalog, [model])
    found = {one.name: one for one in find_boards(catalog, model=name)}
    for board in board_ids():
        checked = check(model, board)
        one = found[board]
        assert (one.fits, one.flash_bytes, one.ram_bytes) == (checked.fits, checked.flash_bytes, checked.ram_bytes)
        reasons = [(r.constraint, r.needs, r.has, r.message) for r in checked.reasons]
        assert [(r.constraint, r.needs, r.has, r.message) for r in why_not(catalog, name, board)] == reasons


def test_a_board_of_ones_own(catalog: Catalog, tmp_path: Path) -> None:
    text = (CHECKOUT / "boards" / "microbit.toml").read_text()
    small = tmp_path / "small.toml"
    small.write_text(
        text.replace('id = "microbit"', 'id = "small"').replace("bytes = 0x4000 }\nstack", "bytes = 0x800 }\nstack")
    )
    model = require_data("models", "mlperf_kws_dscnn.tflite")
    add(catalog, [model, small])
    assert [r.constraint for r in why_not(catalog, "mlperf_kws_dscnn", "small")] == ["ram"]
    assert check(model, str(small)).fits is False


def test_a_model_that_nothing_runs_is_kept_with_its_reason(catalog: Catalog, tmp_path: Path) -> None:
    x, y = tensor((1, 4), "float32"), tensor((1, 4), "float32")
    path = tmp_path / "odd.tflite"
    path.write_bytes(build([operator("COMPLEX_ABS", [x], [y])], [x], [y]))
    with pytest.raises(UnsupportedError) as error:
        check(path, "mps2-an386")
    add(catalog, [path])
    (reason,) = why_not(catalog, "odd", "mps2-an386")
    assert reason.constraint == "operator"
    assert reason.message == str(error.value)
    assert [one.fits for one in find_models(catalog, board="mps2-an386")] == [False]


def test_names_that_are_not_there(catalog: Catalog) -> None:
    with pytest.raises(BadInputError, match="did you mean nrf52840dk"):
        find_models(catalog, board="nrf52840")
    with pytest.raises(BadInputError, match="has no model 'x'"):
        why_not(catalog, "x", "microbit")


def test_filters(catalog: Catalog) -> None:
    catalog.write([model_record(f, "test") for f in models(80, seed=3)])
    everything = find_models(catalog, board="nrf52840dk")
    fast = find_models(
        catalog, board="nrf52840dk", task="keyword", sensors=["microphone"], max_latency_ms=30, sort="latency"
    )
    assert 0 < len(fast) < len(everything)
    assert all(one.task == "keyword" and (one.latency_ms or 99) <= 30 for one in fast)
    assert [one.latency_ms for one in fast if one.fits] == sorted(one.latency_ms or 0 for one in fast if one.fits)
    assert fast == [one for one in find_models(catalog, board="nrf52840dk", sort="latency") if one in fast]
    best = find_models(catalog, sort="accuracy", limit=3)
    assert [one.accuracy for one in best] == sorted((one.accuracy or 0 for one in everything), reverse=True)[:3]
    assert {one.licence for one in find_models(catalog, licence="apache")} == {"Apache-2.0"}


def test_the_index_of_a_store_is_found_again_and_renewed(tmp_path: Path) -> None:
    from fieldwren.catalog import Catalog

    folder = tmp_path / "store"
    few, more = list(models(5, seed=1)), list(models(8, seed=2))
    with Catalog.open(folder) as opened:
        opened.write([model_record(f, "test") for f in few])
        first = find_models(opened, board="microbit")
    assert (folder / "index.npz").is_file()
    with Catalog.open(folder) as opened:
        assert find_models(opened, board="microbit") == first
        opened.write([model_record(f, "test") for f in more])
    with Catalog.open(folder) as opened:
        assert len(find_models(opened, board="microbit")) == 13
    (folder / "index.npz").write_bytes(b"PK nonsense")
    with Catalog.open(folder) as opened:
        assert len(find_models(opened, board="microbit")) == 13


def test_cost_lists_hold_measurements() -> None:
    """Every price list names the board and models it was measured on, and prices are positive."""
    lists = sorted((CHECKOUT / "boards" / "costs" / "latency").glob("*.json"))
    assert lists
    for path in lists:
        content = json.loads(path.read_text())
        assert content["board"] in board_ids()
        assert content["models"]
        assert all(kernel["per_unit"] >= 0 and kernel["calls"] > 0 for kernel in content["kernels"].values())
