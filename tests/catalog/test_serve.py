"""The page and what stands behind it; looked at in a browser without a head where there is one."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from support import CHECKOUT, absent, require_data, require_module

require_module("pyoxigraph")

from fieldwren.boards import board_ids  # noqa: E402
from fieldwren.catalog import Catalog, add  # noqa: E402
from fieldwren.catalog.queries import QUERIES  # noqa: E402
from fieldwren.catalog.serve import make_server  # noqa: E402

BOARD = quote("urn:fieldwren:board:microbit")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("served") / "store"
    with Catalog.open(folder) as catalog:
        add(catalog, [CHECKOUT / "examples" / "presence", CHECKOUT / "examples" / "digits"])
        add(catalog, [require_data("models", "tflm_person_detect.tflite")])
    server = make_server(lambda: Catalog.open(folder), 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def get(url: str, **headers: str) -> Any:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        return json.loads(answer.read())


def refused(request: urllib.request.Request) -> tuple[int, str]:
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request)
    return error.value.code, json.loads(error.value.read())["error"]


def test_answers(address: str) -> None:
    summary = get(f"{address}/api/summary")
    assert summary["models"] == 3
    found = {one["name"]: one for one in get(f"{address}/api/models?board=microbit")}
    assert found["presence"]["fits"] is False  # the board has no light sensor of that kind, no CO2
    assert found["tflm_person_detect"]["fits"] is False
    reasons = get(f"{address}/api/why-not?model=tflm_person_detect&board=microbit")
    assert [reason["constraint"] for reason in reasons] == ["flash", "ram"]
    about = get(f"{address}/api/about?id={quote(found['presence']['id'])}")
    generated = [value for name, value, _ in about["says"] if name.endswith("wasGeneratedBy")]
    step = get(f"{address}/api/about?id={quote(generated[0])}")
    assert any(name.endswith("wasAssociatedWith") for name, _, _ in step["says"])


@pytest.mark.parametrize("name", QUERIES)
def test_saved_queries_are_sparql(address: str, name: str) -> None:
    body = json.dumps({"query": QUERIES[name]}).encode()
    request = urllib.request.Request(f"{address}/api/sparql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        assert "bindings" in json.loads(answer.read())["results"]


def test_refusals(address: str) -> None:
    assert refused(urllib.request.Request(f"{address}/api/models?board=nowhere"))[0] == 400
    assert refused(urllib.request.Request(f"{address}/api/about?id=no%20iri"))[0] == 400
    assert refused(urllib.request.Request(f"{address}/api/about"))[0] == 400
    assert refused(urllib.request.Request(f"{address}/nothing"))[0] == 404
    other = urllib.request.Request(f"{address}/api/summary", headers={"Host": "evil.example:80"})
    assert refused(other) == (403, "only for this computer")
    form = urllib.request.Request(f"{address}/api/sparql", b"query=ASK{}", {"Content-Type": "text/plain"})
    assert refused(form)[0] == 400
    update = json.dumps({"query": "DELETE WHERE { GRAPH ?g { ?s ?p ?o } }"}).encode()
    request = urllib.request.Request(f"{address}/api/sparql", update, {"Content-Type": "application/json"})
    assert refused(request)[0] == 400
    assert get(f"{address}/api/summary")["models"] == 3


def test_the_page_fetches_nothing_from_elsewhere(address: str) -> None:
    with urllib.request.urlopen(address) as answer:
        page = answer.read().decode()
    assert re.findall(r"(?:src|href)=[\"']?(?!#|data:)[^\"'> ]+", page) == []
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def browse(address: str, folder: Path, *options: str) -> tuple[str, bytes]:
    """The page's text after its scripts ran, and a screenshot."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        absent("chromium is not installed", forced_by="FIELDWREN_REQUIRE_CHROMIUM")
    common = (
        *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=8000", "--hide-scrollbars"),
        *(f"--user-data-dir={folder / 'profile'}", "--window-size=1200,900", *options),
    )
    picture = folder / "page.png"
    done = subprocess.run([*common, "--dump-dom", address], capture_output=True, text=True, timeout=60, check=True)
    subprocess.run([*common, f"--screenshot={picture}", address], capture_output=True, timeout=60, check=True)
    return done.stdout, picture.read_bytes()


@pytest.mark.slow
def test_in_a_browser(address: str, tmp_path: Path) -> None:
    page, light = browse(f"{address}/?board={BOARD}", tmp_path)
    assert 'data-ready="yes"' in page
    assert page.count('aria-label="compare ') == 3
    assert f"3 models, {len(board_ids())} boards, 0 devices" in page
    _, dark = browse(f"{address}/?board={BOARD}", tmp_path, "--blink-settings=preferredColorScheme=0")
    assert light != dark
    ids = ",".join(one["id"] for one in get(f"{address}/api/models"))
    compared, _ = browse(f"{address}/?board={BOARD}&compare={quote(ids)}#compare", tmp_path)
    assert compared.count('class="track"') == 12  # three models; accuracy, latency, RAM, flash
    assert "tflm_person_detect does not fit" in compared
