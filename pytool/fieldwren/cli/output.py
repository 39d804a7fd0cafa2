"""How verbs write: JSON documents or tables on stdout, everything else on stderr.

With `--json`, stdout belongs to `emit` alone: inside `documents(True)` the process's descriptor 1 is stderr, so that
neither a stray print nor a compiler's output can get between the documents.
"""

from __future__ import annotations

import dataclasses
import json as json_module
import math
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from enum import Enum
from pathlib import PurePath
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console

Result = TypeVar("Result")


class ReaderGoneError(Exception):
    """Whoever read stdout has closed it (`fieldwren … | head`): nothing more is wanted."""


class _Documents:
    """The private copy of stdout that JSON documents go to (None without `--json`), and how many went there."""

    descriptor: int | None = None
    count: int = 0


_documents = _Documents()


@contextmanager
def documents(active: bool) -> Iterator[None]:
    """While active, keeps stdout for `emit`; everything else written to descriptor 1 appears on stderr."""
    if not active:
        yield
        return
    sys.stdout.flush()
    _documents.descriptor, _documents.count = os.dup(1), 0
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(_documents.descriptor, 1)
        os.close(_documents.descriptor)
        _documents.descriptor = None


def emit(result: Result, *, json: bool, show: Callable[[Console, Result], None]) -> None:
    """Writes a result: with `json` one line with one JSON document, otherwise what `show` prints for people.

    Call it once; verbs that stream (run, monitor) call it once per event.
    """
    try:
        if json:
            _write_document(result)
        else:
            show(console(), result)
            sys.stdout.flush()
    except OSError as error:
        # Python keeps what it could not write, and would try, fail and complain again when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if isinstance(error, BrokenPipeError):
            raise ReaderGoneError from error
        raise
    _record(result)


def _record(result: object) -> None:
    """Leaves the result for the catalogue, if the verb is one whose results are kept."""
    from fieldwren.record import VERBS, record

    context = click.get_current_context(silent=True)
    verb = context.command_path.partition(" ")[2] if context is not None else ""
    if context is not None and verb in VERBS:
        record(verb, lambda: plain(result), context.params)


def error(sentence: str, code: int) -> None:
    """The error sentence as the last line of stderr; with `--json` and nothing written yet, also the document."""
    if _documents.descriptor is not None and _documents.count == 0:
        _write_document({"error": sentence, "exit_code": code})
    sys.stdout.flush()
    click.echo(f"Error: {sentence}", err=True)


def no(sentence: str) -> int:
    """For verbs whose answer is no: says why on stderr and returns exit code 1."""
    click.echo(sentence, err=True)
    return 1


def note(sentence: str) -> None:
    """Something worth knowing that is not a result: one line on stderr."""
    click.echo(sentence, err=True)


def console(*, stderr: bool = False) -> Console:
    """A rich console; where the output is no terminal, lines are not cut at 80 columns."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, width=None if stream.isatty() else 160)


@contextmanager
def progress(what: str, *, after_s: float = 1.0) -> Iterator[Callable[[str], None]]:
    """Shows `what` and a spinner on stderr once it has taken `after_s`; the yielded function changes the text.

    Silent where stderr is not a terminal.
    """
    if not sys.stderr.isatty():
        yield lambda text: None
        return
    status = console(stderr=True).status(what)
    timer = threading.Timer(after_s, status.start)
    timer.daemon = True
    timer.start()
    try:
        yield status.update
    finally:
        timer.cancel()
        timer.join()
        status.stop()


@contextmanager
def bar(what: str) -> Iterator[tuple[Callable[[str], None], Callable[[float], None]]]:
    """A progress bar on stderr: gives what prints a line above it, and what is told the share that is done.

    Where stderr is not a terminal there is no bar, only the lines. The bar appears with the first share.
    """
    if not sys.stderr.isatty():
        yield note, lambda share: None
        return
    from rich.progress import Progress, TimeElapsedColumn, TimeRemainingColumn

    shown = Progress(
        *Progress.get_default_columns()[:-1], TimeElapsedColumn(), TimeRemainingColumn(), console=console(stderr=True)
    )
    task = shown.add_task(what, total=1.0, start=False)

    def tick(share: float) -> None:
        if share and not shown.tasks[task].started:
            shown.start()
            shown.start_task(task)
        shown.update(task, completed=share)

    try:
        yield (lambda line: shown.console.print(line, markup=False)), tick
    finally:
        shown.stop()


def _write_document(result: object) -> None:
    text = json_module.dumps(plain(result), allow_nan=False, ensure_ascii=False) + "\n"
    if _documents.descriptor is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    _documents.count += 1
    rest = memoryview(text.encode())
    while rest:
        rest = rest[os.write(_documents.descriptor, rest) :]


def plain(value: object) -> object:
    """A result as JSON types: dataclasses become objects, paths strings, bytes hex, non-finite numbers null."""
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # NumPy arrays and scalars, without importing NumPy
        return plain(value.tolist())
    raise TypeError(f"{type(value).__name__} has no JSON form")
