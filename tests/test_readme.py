"""What README.md says exists, exists."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from fieldwren import paths
from fieldwren.cli.frame import fieldwren
from support import CHECKOUT, require_data

PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
README = PAGES[0].read_text()


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


COMMANDS = [
    line
    for page in PAGES
    for block in blocks("sh", page.read_text())
    for line in block.replace("\\\n", " ").splitlines()
    if line.startswith("fieldwren ")
] + re.findall(r"`(fieldwren [a-z-]+ [^`]*)`", README)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_parse(command: str) -> None:
    """Parses arguments exactly as the program would, without running the verb."""
    arguments = shlex.split(command, comments=True)[1:]
    with fieldwren.make_context("fieldwren", list(arguments)) as root:
        name, verb, rest = fieldwren.resolve_command(root, arguments)
        assert isinstance(verb, click.Command)
        verb.make_context(name, rest, parent=root).close()


def test_make_targets_exist() -> None:
    targets = {
        line.split()[1] for block in blocks("sh") for line in block.splitlines() if re.match(r"make [a-z]", line)
    }
    targets |= set(re.findall(r"`make ([a-z-]+)`", README))
    for target in sorted(targets):
        done = subprocess.run(["make", "-n", target], cwd=CHECKOUT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_python_snippets_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copyfile(require_data("models", "tflm_hello_world.tflite"), tmp_path / "my.tflite")
    monkeypatch.chdir(tmp_path)
    snippets = blocks("python")
    assert snippets
    for snippet in snippets:
        exec(compile(snippet, "README.md", "exec"), {})


def test_all_boards_are_listed() -> None:
    section = README.partition("## Boards")[2].partition("## ")[0]
    assert set(re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)) == {p.stem for p in paths.boards().glob("*.toml")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        assert "://" in target or (page.parent / target).exists(), target
