"""The command line: finds the commands, prints errors as sentences, sets the exit code.

Nothing but typer is imported before a command runs, so `costopt --help` is instant.
"""

from __future__ import annotations

import importlib
import sys
from typing import Annotated

import typer

from costopt import __version__
from costopt.errors import CostoptError

# Order is the order of the help page. A command is `cli/<module>.py` with a function of that name.
GROUPS: dict[str, tuple[str, ...]] = {
    "Look": ("demo", "audit", "show", "explain", "checklist"),
    "Own data": ("ingest", "calls", "reconcile", "report", "store", "prices", "doctor"),
}

_STOPPED = 130

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
    _register()
    try:
        code = app(arguments, standalone_mode=False)
        if code == _STOPPED:  # what typer makes of Ctrl-C
            _stopped()
    except CostoptError as error:
        typer.echo(f"costopt: {error}", err=True)
        code = error.exit_code
    except KeyboardInterrupt:
        code = _stopped()
    except BrokenPipeError:
        # The reader (head, less) has gone: no more output, no complaint.
        sys.stderr.close()
        code = 0
    except Exception as error:
        code = _usage_exit(error)
    sys.exit(code if isinstance(code, int) else 0)


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
    typer.echo("costopt: stopped. The ledger is as it was; run the same command again.", err=True)
    return _STOPPED
