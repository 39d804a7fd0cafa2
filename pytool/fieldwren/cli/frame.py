"""What holds for every verb: how verbs are found, exit codes, and how errors are told.

Exit codes: 0 done or yes; 1 the answer is no; 2 bad input or usage; 3 a tool, board or data set is missing, or the
disk is full; 4 timeout or link lost; 70 a bug in fieldwren; 130 interrupted. The last line on stderr is the error.
"""

from __future__ import annotations

import difflib
import errno
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import click
from click.shell_completion import shell_complete

from fieldwren import __version__
from fieldwren.cli import output
from fieldwren.errors import FieldwrenError

EXIT_USAGE = 2
EXIT_MISSING = 3
EXIT_BUG = 70
EXIT_INTERRUPTED = 130
COMPLETION = "_FIELDWREN_COMPLETE"
"""click's protocol for shell completion: `eval "$(_FIELDWREN_COMPLETE=bash_source fieldwren)"`."""

EXIT_PIPE = 128 + getattr(signal, "SIGPIPE", 13)

VERBS = {
    "doctor": "fieldwren.cli.setup",
    "new": "fieldwren.cli.setup",
    "check": "fieldwren.cli.models",
    "generate": "fieldwren.cli.projects",
    "build": "fieldwren.cli.projects",
    "run": "fieldwren.cli.running",
    "flash": "fieldwren.cli.flashing",
    "monitor": "fieldwren.cli.running",
    "verify": "fieldwren.cli.models",
    "infer": "fieldwren.cli.models",
    "bench": "fieldwren.cli.models",
    "mlperf-tiny": "fieldwren.cli.benchmarking",
    "features": "fieldwren.cli.running",
    "data": "fieldwren.cli.data",
    "train": "fieldwren.cli.training",
    "convert": "fieldwren.cli.training",
    "eval": "fieldwren.cli.evaluating",
    "learn": "fieldwren.cli.learn",
    "fleet": "fieldwren.cli.fleet",
    "catalog": "fieldwren.cli.catalog",
}
"""Verb → module that defines it, in the order of `fieldwren --help`."""

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_USER_ERRNO = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.ENAMETOOLONG,
)


class Verbs(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order of VERBS."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command object of a verb, or None if there is no such verb."""
        if cmd_name not in VERBS:
            return None
        command = getattr(import_module(VERBS[cmd_name]), cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, with the nearest verb named when there is no such verb."""
        if args[0] not in VERBS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], VERBS, n=1)
            hint = f"did you mean `fieldwren {near[0]}`?" if near else "`fieldwren --help` lists the verbs"
            raise click.UsageError(f"There is no verb {args[0]!r}: {hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=Verbs, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fieldwren", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, envvar="FIELDWREN_DEBUG", help="Show tracebacks of errors.")
@click.pass_context
def fieldwren(ctx: click.Context, debug: bool) -> None:
    """Compile a trained model into firmware for a microcontroller, run it and check it.

    \b
    Exit codes: 0 done or yes; 1 the answer is no; 2 bad input or usage;
    3 a tool, board or data set is missing; 4 timeout or link lost.
    """
    del debug  # run() looks for it itself: it must work before and without parsing
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help() + "\n", err=True)
        raise click.ClickException("No verb is given: start with `fieldwren doctor`")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Entry point of the `fieldwren` program: runs one verb and exits with its code."""
    for stream, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, stream) is None:  # closed by the caller (`>&-`): descriptors 0 to 2 must exist
            setattr(sys, stream, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - open until exit
    sys.exit(run(sys.argv[1:] if arguments is None else list(arguments)))


def run(arguments: Sequence[str]) -> int:
    """Runs one verb and returns its exit code; every error ends here as one sentence on stderr."""
    debug = "--debug" in arguments or os.environ.get("FIELDWREN_DEBUG", "") not in {"", "0"}
    if COMPLETION in os.environ:
        return shell_complete(fieldwren, {}, "fieldwren", COMPLETION, os.environ[COMPLETION])
    with output.documents("--json" in arguments):
        try:
            # Not click's own main(): it would swallow every broken pipe, a lost emulator's too.
            with fieldwren.make_context("fieldwren", list(arguments)) as context:
                code = fieldwren.invoke(context)
            return code if isinstance(code, int) else 0
        except click.exceptions.Exit as ending:
            return ending.exit_code
        except output.ReaderGoneError:
            return EXIT_PIPE
        except (Exception, KeyboardInterrupt) as error:
            code, sentence = explain(error, debug=debug)
            if debug and not isinstance(error, click.ClickException):
                traceback.print_exception(error)
            output.error(sentence, code)
            return code


def explain(error: BaseException, *, debug: bool) -> tuple[int, str]:
    """The exit code and the sentence for an error; an unexpected one has its traceback written to a log."""
    if isinstance(error, click.UsageError):
        if error.ctx is not None:
            click.echo(error.ctx.get_usage(), err=True)
            click.echo(f"Try '{error.ctx.command_path} --help' for help.\n", err=True)
        return EXIT_USAGE, error.format_message()
    if isinstance(error, click.ClickException):
        return EXIT_USAGE, error.format_message()
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return EXIT_INTERRUPTED, "interrupted"
    if isinstance(error, FieldwrenError):
        for note in getattr(error, "__notes__", ()):
            click.echo(note, err=True)
        return error.exit_code, " ".join(str(error).split())
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        where = f" while writing {error.filename}" if error.filename else ""
        return EXIT_MISSING, f"the disk is full{where}: free some space and try again"
    if isinstance(error, OSError) and error.errno in _USER_ERRNO and error.filename is not None:
        return EXIT_USAGE, f"{error.filename}: {(error.strerror or str(error)).lower()}"
    return EXIT_BUG, _bug(error, debug=debug)


def _bug(error: BaseException, *, debug: bool) -> str:
    """One sentence for an unexpected exception, after its traceback was written to a log (or to stderr)."""
    what = f"unexpected {type(error).__name__}: {' '.join(str(error).split())[:200]}"
    if debug:
        return f"{what} (a bug in fieldwren)"
    try:
        log = _write_log(error)
    except OSError:
        traceback.print_exception(error)
        return f"{what} (a bug in fieldwren: please report it with the traceback above)"
    return f"{what} (a bug in fieldwren: please report it with {log})"


def _write_log(error: BaseException) -> Path:
    """Writes version, command and traceback to a new file under the cache folder; returns its path."""
    from fieldwren import paths

    folder = paths.cache() / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    log.write_text(
        f"fieldwren {__version__}, Python {sys.version}, {sys.platform}\n{sys.argv}\n\n"
        + "".join(traceback.format_exception(error)),
        encoding="utf-8",
    )
    return log
