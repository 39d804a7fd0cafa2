"""A new app folder, started from one of the examples or around somebody's wake word."""

from __future__ import annotations

import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fieldwren import paths
from fieldwren.app import MANIFEST
from fieldwren.errors import BadInputError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_NAME_LINE = re.compile(r"^(name[ \t]*=[ \t]*)\"[^\"\n]*\"", re.MULTILINE)


@dataclass(frozen=True)
class NewApp:
    """What `new` made: the app's name and kind, its folder, the example it was copied from, its files."""

    name: str
    kind: str
    folder: Path
    example: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class ImportedApp:
    """What `new_from_manifest` made. `arena_bytes` is the RAM of the model here, state included;
    `manifest_arena_bytes` what the manifest says for it, `None` where it does not."""

    name: str
    kind: str
    folder: Path
    manifest: Path
    files: tuple[str, ...]
    wake_word: str
    arena_bytes: int
    manifest_arena_bytes: int | None


def kinds() -> dict[str, Path]:
    """The kinds of apps that can be started, each with the example it starts from.

    An example says its kind in its manifest; of several with one kind the first by name is taken.
    """
    found: dict[str, Path] = {}
    for manifest in sorted(paths.examples().glob(f"*/{MANIFEST}")):
        kind = tomllib.loads(manifest.read_text(encoding="utf-8")).get("kind")
        if isinstance(kind, str):
            found.setdefault(kind, manifest.parent)
    return found


def new(folder: Path, *, kind: str) -> NewApp:
    """Makes `folder` as a copy of the example for `kind`, with the folder's name as the app's name.

    All of the folder appears at once or not at all. Raises BadInputError when the folder exists, its name cannot be
    an app's name, or there is no such kind.
    """
    name = _free_name(folder)
    known = kinds()
    if kind not in known:
        raise BadInputError(f"there is no kind {kind!r} of app: the kinds are {', '.join(known)}")
    example = known[kind]
    with _whole(folder) as made:
        shutil.copytree(example, made, ignore=shutil.ignore_patterns("__pycache__", ".*", "build"))
        _set_name(made / MANIFEST, name)
    return NewApp(name, kind, folder, example.name, _files(folder))


def new_from_manifest(folder: Path, manifest: Path) -> ImportedApp:
    """Makes `folder` an app around a wake word of microWakeWord, from its JSON manifest (version 1 or 2) and its model.

    All of the folder appears at once or not at all. Raises BadInputError as `new` does, and when manifest or model are not
    what microWakeWord makes; UnsupportedError for a model that cannot be compiled.
    """
    from fieldwren.micro_wake_word import read_manifest, wake_word_app

    name = _free_name(folder)
    source = read_manifest(manifest)
    app = wake_word_app(source, folder)
    with _whole(folder) as made:
        made.mkdir()
        for file, data in app.files.items():
            (made / file).write_bytes(data)
    return ImportedApp(
        name=name,
        kind="keyword",
        folder=folder,
        manifest=manifest,
        files=_files(folder),
        wake_word=source.wake_word,
        arena_bytes=app.arena_bytes,
        manifest_arena_bytes=source.tensor_arena_bytes,
    )


def _free_name(folder: Path) -> str:
    """The app's name that `folder` gives. Raises BadInputError when it cannot, or the folder cannot be made."""
    name = folder.name
    if _NAME.fullmatch(name) is None:
        raise BadInputError(f"{name!r} cannot name an app: use letters, digits, '-' and '_', at most 64")
    if folder.exists():
        raise BadInputError(f"{folder} exists already: choose another name or remove it")
    if not folder.absolute().parent.is_dir():
        raise BadInputError(f"{folder.parent} is not a folder: make it first")
    return name


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """Gives a path beside `folder`, and renames it to `folder` when the block ends without an exception."""
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.absolute().parent) as scratch:
        made = Path(scratch) / folder.name
        yield made
        made.rename(folder)


def _files(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()))


def _set_name(manifest: Path, name: str) -> None:
    """Writes the app's name into its manifest and leaves everything else, comments too, as it is."""
    text, replaced = _NAME_LINE.subn(rf'\g<1>"{name}"', manifest.read_text(encoding="utf-8"), count=1)
    if not replaced or tomllib.loads(text).get("name") != name:
        raise BadInputError(f'the example\'s {manifest.name} has no line `name = "…"` before its first table')
    manifest.write_text(text, encoding="utf-8")
