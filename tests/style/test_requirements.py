"""requirements/dev.txt pins everything, with hashes, and names no package index."""

from __future__ import annotations

import re
import tomllib

from packaging.requirements import Requirement

from support import CHECKOUT

LOCK = (CHECKOUT / "requirements" / "dev.txt").read_text()
ENTRIES = re.findall(
    r"^([A-Za-z0-9][^\n\\]*?) *\\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", LOCK, re.MULTILINE
)


def pinned() -> dict[str, list[Requirement]]:
    found: dict[str, list[Requirement]] = {}
    for text, _ in ENTRIES:
        requirement = Requirement(text)
        found.setdefault(requirement.name.lower(), []).append(requirement)
    return found


def test_every_line_is_a_pinned_requirement_a_hash_or_a_comment() -> None:
    rest = LOCK
    for text, hashes in ENTRIES:
        rest = rest.replace(f"{text} \\\n{hashes}", "", 1)
    assert [line for line in rest.splitlines() if line.strip() and not line.lstrip().startswith("#")] == []
    assert all(re.fullmatch(r"==[^,*]+", str(r.specifier)) for entries in pinned().values() for r in entries)


def test_no_index_is_named() -> None:
    assert "://" not in LOCK
    assert "--index" not in LOCK


def test_what_pyproject_asks_for_is_pinned() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    wanted = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    for extra in project["project"]["optional-dependencies"].values():
        wanted += extra
    locked = pinned()
    for text in wanted:
        requirement = Requirement(text)
        candidates = locked.get(requirement.name.lower(), [])
        assert candidates, f"{text} is not in requirements/dev.txt: run `make lock`"
        for candidate in candidates:
            version = str(candidate.specifier).removeprefix("==")
            assert requirement.specifier.contains(version, prereleases=True), f"{text} is pinned to {version}"
