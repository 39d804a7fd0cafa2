"""The own vocabulary is small, complete and documented; the verb works, or says what it lacks."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from support import CHECKOUT, require_module

require_module("pyoxigraph")

import pyoxigraph as ox  # noqa: E402

from fieldwren.catalog.hardware import DATA, known_boards, vocabulary_record  # noqa: E402
from fieldwren.catalog.namespaces import FW, RDF, RDFS  # noqa: E402

SOURCES = CHECKOUT / "pytool" / "fieldwren" / "catalog"
UNITS = {"Bytes": "BYTE", "Hz": "HZ", "Ms": "MilliSEC"}


def described() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for triple in vocabulary_record().triples:
        assert isinstance(triple.subject, ox.NamedNode)
        if triple.subject.value.startswith(FW):
            fields = found.setdefault(triple.subject.value.removeprefix(FW), {})
            fields[triple.predicate.value] = str(getattr(triple.object, "value", ""))
    return found


def used() -> set[str]:
    texts = [path.read_text() for path in SOURCES.glob("*.py")] + [(DATA / "shapes.ttl").read_text()]
    names = set(re.findall(r"\bfw:([A-Za-z0-9]+)", "\n".join(texts)))
    return {name for name in names if not name.endswith("Shape")} - {"x"}


def test_every_term_is_described_and_used() -> None:
    terms = described()
    assert set(terms) == used()
    for name, fields in terms.items():
        assert fields[f"{RDFS}comment"].endswith("."), name
        assert name[0].isupper() == (fields[f"{RDF}type"] == f"{RDFS}Class"), name


def test_quantities_have_units() -> None:
    for name, fields in described().items():
        for ending, unit in UNITS.items():
            if name.endswith(ending):
                assert fields["http://qudt.org/schema/qudt/hasUnit"] == f"http://qudt.org/vocab/unit/{unit}", name


def test_boards_of_the_documentation_are_there() -> None:
    known = {facts.id for facts in known_boards()}
    assert {"nrf52840dk", "nano33ble", "xiao-nrf52840-sense", "esp32dev", "microbit", "host"} <= known


def run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)


def test_without_its_packages_the_verb_says_what_to_install(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "sys.modules['pyoxigraph'] = None\n"
        "from fieldwren.cli.frame import run\n"
        "assert run(['catalog', '--help']) == 0\n"
        "sys.exit(run(['catalog', '--store', 's', 'find', 'boards']))\n"
    )
    done = run(program, tmp_path)
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1].endswith("is not installed: `pip install 'fieldwren[catalog]'`")
    assert list(tmp_path.iterdir()) == []


def test_help_imports_none_of_them(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from fieldwren.cli.frame import run\n"
        "assert run(['--help']) == 0 and run(['catalog', '--help']) == 0\n"
        "assert not {'pyoxigraph', 'numpy', 'pydantic'} & set(sys.modules), sys.modules\n"
    )
    assert run(program, tmp_path).returncode == 0
