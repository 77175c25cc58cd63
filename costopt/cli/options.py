"""Options shared by every command that reads a trace, declared once.

`@reads_traces` adds them to a command's signature and hands them over as one `TraceOptions`, so a
command file shows only what is its own.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from costopt.wiring.request import TraceOptions

_READING = "What to read"
_OUTPUT = "Output"


NETWORK = {"forbidden": False}
"""An audit hook cannot be taken off again: what it asks can, by who runs several commands in a process."""
_OPTIONAL_PATH = Path | None
_OPTIONAL_TEXT = str | None
_SOME_TEXTS = list[str] | None


def _shared() -> dict[str, tuple[Any, Any]]:
    """Name to (annotation, default), in the order of the help page."""
    traces = typer.Argument(
        help="Files, folders, globs, .gz, .zst, .zip, or - for stdin. None: the last audit's.",
        metavar="TRACES",
        show_default=False,
    )
    reading: tuple[tuple[str, Any, Any, str], ...] = (
        ("--db", _OPTIONAL_PATH, None, "Ledger to use instead of .costopt/ledger.duckdb."),
        ("--no-store", bool, False, "Keep nothing on disk."),
        ("--no-content", bool, False, "Keep no text in the ledger."),
        ("--input-format", _OPTIONAL_TEXT, None, "Format of TRACES, else detected from content."),
        ("--since", _OPTIONAL_TEXT, None, "7d, 24h, or a date: calls from then on."),
        ("--until", _OPTIONAL_TEXT, None, "A date or time: calls before it."),
        ("--tz", str, "UTC", "Time zone of days and of dates without one."),
        ("--where", _SOME_TEXTS, None, "agent=planner, model!=gpt-4o, metadata.x=y; repeat."),
        ("--by", _SOME_TEXTS, None, "Further breakdown: day,agent,model; repeat."),
        ("--sample-rate", float | None, None, "Share of the calls that the log holds, 0 to 1."),
        ("--prices", _OPTIONAL_PATH, None, "Your prices.yaml over the price book."),
        ("--as-of", _OPTIONAL_TEXT, None, "Date of the prices of projections."),
        ("--ranks", _OPTIONAL_PATH, None, "Folder with tiktoken rank files."),
        ("--rejected", _OPTIONAL_PATH, None, "Write the refused records here."),
    )
    output: tuple[tuple[str, Any, Any, str], ...] = (
        ("--json", bool, False, "The result JSON alone on stdout."),
        ("--quiet", bool, False, "No progress, no hints."),
        ("--offline", bool, False, "Fail on any network access."),
        ("--seed", int, 0, "Seed of everything random."),
        ("--yes", bool, False, "Answer yes to questions."),
    )
    shared: dict[str, tuple[Any, Any]] = {"traces": (Annotated[_SOME_TEXTS, traces], None)}
    short = {"--input-format": "--format", "--quiet": "-q", "--yes": "-y"}
    for panel, rows in ((_READING, reading), (_OUTPUT, output)):
        for flag, kind, default, text in rows:
            names = [flag] + ([short[flag]] if flag in short else [])
            option = typer.Option(*names, help=text, rich_help_panel=panel)
            shared[flag[2:].replace("-", "_")] = (Annotated[kind, option], default)
    return shared


def option(panel: str, *names: str, text: str, **more: Any) -> Any:
    """An option of one command, under its panel of the help page."""
    return typer.Option(*names, help=text, rich_help_panel=panel, **more)


def reads_traces(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the shared options; it receives them as its first argument, `options`."""
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    keyword = inspect.Parameter.KEYWORD_ONLY
    shared = [
        inspect.Parameter(name, keyword, default=default, annotation=annotation)
        for name, (annotation, default) in _shared().items()
    ]
    arguments = [p.replace(kind=keyword) for p in own]
    parameters = shared[:1] + arguments + shared[1:]

    @functools.wraps(command)
    def wrapper(**given: Any) -> None:
        taken = {f.name: given.pop(f.name) for f in fields(TraceOptions)}
        for name in ("traces", "where", "by"):
            taken[name] = list(taken[name] or [])
        options = TraceOptions(**taken)
        if options.offline:
            forbid_network()
        command(options, **given)

    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {p.name: p.annotation for p in parameters}
    return wrapper


def forbid_network() -> None:
    """From here on any connection or name look-up of this process fails (`--offline`)."""
    import sys

    from costopt.errors import EndpointError

    NETWORK["forbidden"] = True

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if NETWORK["forbidden"] and event in (
            "socket.connect",
            "socket.getaddrinfo",
            "socket.sendto",
        ):
            raise EndpointError(
                "--offline forbids the network, and something tried to use it.",
                where=event, hint="Run without --offline, or without what needs the network.",
            )  # fmt: skip

    sys.addaudithook(refuse)
