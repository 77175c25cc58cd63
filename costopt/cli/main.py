"""The command line: finds the commands, prints errors as sentences, sets the exit code.

Nothing but typer is imported before a command runs, so `costopt --help` is instant.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import sys
from pathlib import Path
from typing import Annotated, TextIO

import typer

from costopt import __version__
from costopt.errors import CostoptError

# Order is the order of the help page. A command is `cli/<module>.py` with a function of that name.
GROUPS: dict[str, tuple[str, ...]] = {
    "Look": ("demo", "audit", "show", "explain", "checklist"),
    "Try": ("policy", "simulate", "sweep", "recommend", "selfhost"),
    "Prove": ("replay",),
    "Own data": ("ingest", "calls", "reconcile", "report", "store", "prices", "doctor"),
}

_STOPPED = 130
_CANNOT_WRITE = 2
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

app = typer.Typer(
    name="costopt",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Where your LLM money goes, and what it would have cost under another policy.",
    epilog="Start: costopt demo  ·  costopt audit traces.jsonl",
)


def _version(wanted: bool) -> None:
    if not wanted:
        return
    from costopt.prices.book import load_book

    typer.echo(f"costopt {__version__}  ·  {load_book().version}")
    raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Versions.")
    ] = False,
) -> None:
    """Options before the command."""


def _register() -> None:
    for panel, names in GROUPS.items():
        for name in names:
            module = importlib.import_module(f"costopt.cli.{name}")
            if hasattr(module, "app"):
                app.add_typer(module.app, name=name, rich_help_panel=panel)
            else:
                app.command(name=name, rich_help_panel=panel)(getattr(module, name))


def main(arguments: list[str] | None = None) -> None:
    """Entry point. Exit codes: 0, 2, 3, 4, 5, 130 as documented; 1 only for a crash."""
    _with_streams()
    code = _run(arguments)
    sys.exit(code if isinstance(code, int) else 0)


def _run(arguments: list[str] | None) -> object:
    """The exit code of a command, with what went wrong said on stderr."""
    try:
        _register()
        code = app(arguments, standalone_mode=False)
        sys.stdout.flush()
        return _stopped() if code == _STOPPED else code  # 130: what typer makes of Ctrl-C
    except CostoptError as error:
        typer.echo(f"costopt: {error}", err=True)
        return error.exit_code
    except KeyboardInterrupt:
        return _stopped()
    except SystemExit as leaving:  # what typer makes of a reader that has gone
        return _reader_gone() if isinstance(leaving.__context__, BrokenPipeError) else leaving.code
    except BrokenPipeError:
        return _reader_gone()
    except OSError as error:
        if error.errno not in _DISK_FULL:
            raise
        _to_nowhere(sys.stdout)
        typer.echo(f"costopt: the output cannot be written: {error.strerror}.", err=True)
        return _CANNOT_WRITE
    except Exception as error:
        return _usage_exit(error)


def _with_streams() -> None:
    """A command started with a closed stdout or stderr writes to nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - open until the end


def _reader_gone() -> int:
    """Of a pipe (head, less): no more output, no complaint, and none when Python flushes at its end."""
    _to_nowhere(sys.stdout)
    return 0


def _to_nowhere(stream: TextIO) -> None:
    with contextlib.suppress(OSError, ValueError):  # no file behind it
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())


def _usage_exit(error: Exception) -> int:
    """Typer's own usage errors print themselves and exit 2; anything else is our crash."""
    show = getattr(error, "show", None)
    if show is None:
        raise error
    if error.__class__.__name__ == "Abort":
        return _stopped()
    show()
    return int(getattr(error, "exit_code", 2))


def _stopped() -> int:
    typer.echo("costopt: stopped. The ledger is whole; run the same command again.", err=True)
    return _STOPPED
