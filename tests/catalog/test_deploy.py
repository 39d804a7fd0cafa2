"""Deploying: the plan, what is refused before anything is built, and the building."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from support import CHECKOUT, require_data, require_module

require_module("pyoxigraph")

from pyoxigraph import NamedNode  # noqa: E402

from fieldwren.catalog import add, deploy, find_models  # noqa: E402
from fieldwren.catalog.facts import Record, iri  # noqa: E402
from fieldwren.catalog.namespaces import BOARD, DEVICE  # noqa: E402
from fieldwren.cli.catalog import catalog as command  # noqa: E402
from fieldwren.errors import BadInputError  # noqa: E402

if TYPE_CHECKING:
    from fieldwren.catalog import Catalog


def device(name: str, board: str, **facts: int) -> Record:
    node = iri(DEVICE, name)
    record = Record(node)
    record.of_type(node, "fw:Device")
    record.say(node, "dct:title", name)
    record.say(node, "fw:board", iri(BOARD, board))
    for key, value in facts.items():
        record.say(node, f"fw:{key}", value)
    return record


@pytest.fixture
def fleet(catalog: Catalog) -> Catalog:
    add(catalog, [CHECKOUT / "examples" / "presence"])
    catalog.write(
        [device("good", "mps2-an386"), device("full", "mps2-an386", flashBytes=100), device("other", "esp32dev")]
    )
    return catalog


def built_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(*_: object, **__: object) -> None:
        raise AssertionError("something was built")

    monkeypatch.setattr("fieldwren.generate.build", build)


def test_a_plan(fleet: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    built_nothing(monkeypatch)
    plan = deploy(fleet, model="presence", query="SELECT ?d WHERE { ?d a fw:Device } ORDER BY ?d")
    steps = {step.target: step for step in plan.steps}
    assert steps["good"].action == "build"
    assert (steps["good"].board, steps["good"].reasons) == ("mps2-an386", ())
    assert steps["full"].action == "refused"
    assert "bytes of flash and full has 100" in steps["full"].reasons[0]
    assert "no image is built here for esp32dev" in steps["other"].reasons[0]


def test_nothing_is_built_while_a_step_is_impossible(fleet: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    built_nothing(monkeypatch)
    shown = []
    plan = deploy(fleet, model="presence", to=["good", "full"], execute=True, show=shown.append)
    assert shown == [plan]
    assert [step.elf for step in plan.steps] == [None, None]


def test_a_device_that_runs_it_already_is_left_alone(fleet: Catalog) -> None:
    record = device("done", "mps2-an386")
    record.say(record.graph, "fw:runsModel", NamedNode(fleet.index.models[0].id))
    fleet.write([record])
    (step,) = deploy(fleet, model="presence", to=["done"]).steps
    assert step.action == "keep"


def test_a_bare_model_hears_nothing_on_hardware(fleet: Catalog) -> None:
    add(fleet, [require_data("models", "tflm_hello_world.tflite")])
    (step,) = deploy(fleet, model="tflm_hello_world", to=["other"]).steps
    assert any("make an app for it" in reason for reason in step.reasons)


def test_a_device_gets_the_first_model_that_fits(fleet: Catalog) -> None:
    """Models by the query, best first; the small model is taken where the large one has no room."""
    add(fleet, [CHECKOUT / "examples" / "digits"])
    digits, presence = (next(m for m in fleet.index.models if m.name == name) for name in ("digits", "presence"))
    assert digits.id != presence.id
    sizes = {one.name: one.flash_bytes or 0 for one in find_models(fleet, board="good")}
    assert sizes["presence"] + 100 < sizes["digits"]
    fleet.write([device("small", "mps2-an386", flashBytes=sizes["presence"] + 100)])
    query = "SELECT ?m WHERE { ?m a fw:Model ; dct:title ?t } ORDER BY ?t"
    steps = {step.target: step for step in deploy(fleet, query=query, to=["devices"]).steps}
    assert (steps["good"].model, steps["good"].action) == ("digits", "build")
    assert (steps["small"].model, steps["small"].action) == ("presence", "build")
    assert (steps["full"].model, steps["full"].action) == ("digits", "refused")
    with pytest.raises(BadInputError, match="no model to deploy"):
        deploy(fleet, to=["devices"])


def test_nothing_to_deploy_to(fleet: Catalog) -> None:
    with pytest.raises(BadInputError, match="nothing to deploy to"):
        deploy(fleet, model="presence", query="SELECT ?d WHERE { ?d a fw:Nothing }")


@pytest.mark.emulator
def test_a_board_that_is_not_connected_gets_its_image_and_the_reason(fleet: Catalog) -> None:
    fleet.write([device("desk", "nrf52840dk")])
    plan = deploy(fleet, model="presence", to=["desk"], execute=True)
    assert plan.can_flash
    (step,) = plan.steps
    assert step.elf is not None and Path(step.elf).is_file()
    assert not step.flashed
    assert step.reasons[0].startswith("built, not flashed: nrf52840dk")


@pytest.mark.emulator
def test_images_are_built(fleet: Catalog) -> None:
    (step,) = deploy(fleet, model="presence", to=["good"], execute=True).steps
    assert step.elf is not None
    assert Path(step.elf).is_file()
    assert step.image_sha256
    assert step.flashed is False


def test_the_command_says_no_for_a_refused_step(tmp_path: Path) -> None:
    store = ["--store", str(tmp_path / "store")]
    runner = CliRunner()
    runner.invoke(command, [*store, "add", str(CHECKOUT / "examples" / "presence")], catch_exceptions=False)
    done = runner.invoke(
        command, [*store, "deploy", "--model", "presence", "--to", "esp32dev", "--json"], standalone_mode=False
    )
    assert done.return_value == 1
    plan = json.loads(done.stdout)
    assert plan["steps"][0]["action"] == "refused"
    assert plan["can_flash"] is True  # of a project that PlatformIO builds
