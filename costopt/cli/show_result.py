"""Print a result: JSON alone on stdout, or the first screen in the terminal's width."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from typing import TYPE_CHECKING

import typer

from costopt.wiring.request import TraceOptions

if TYPE_CHECKING:
    from costopt.model.result import Result

NO_STORE = " --no-store"
HEADINGS = (
    "WHERE", "DO FIRST", "DON'T", "CHECKLIST", "SURE?", "Next", "BY HAND", "TO TEST", "BY ",
    "LAYER", "NOTHING", "UNPROVEN", "ASSUMED", "NOTE", "TRAFFIC", "BILL ", "GPU ", "SIZE ", "PAYS ",
    "DRAFTS ", "MORE TRAFFIC", "MEASURED ON YOUR ANSWERS", "QUALITY", "SERVE ",
)  # fmt: skip


def print_result(
    result: Result, options: TraceOptions, seconds: float | None, *, sample: bool = False
) -> None:
    """The result as JSON or as the audit's first screen. `sample`: it is not the user's own log."""
    if options.json:
        from costopt.report.render.json import result_json

        sys.stdout.write(result_json(result) + "\n")
        return
    from costopt.report.render.terminal import audit_screen

    width = shutil.get_terminal_size((80, 40)).columns
    place = None if sample else again(options)
    for line in audit_screen(result, width, seconds, place, part(options)):
        typer.echo(painted(line))


def again(options: TraceOptions) -> str:
    """What a further command needs to find the same trace: nothing where the ledger has it."""
    if options.no_store:
        return " " + " ".join(shlex.quote(t) for t in options.traces) + NO_STORE
    return f" --db {shlex.quote(str(options.db))}" if options.db else ""


def part(options: TraceOptions) -> str:
    """The options that chose a part of the trace or other prices, as they are typed again."""
    flags: list[tuple[str, object]] = [("--since", options.since), ("--until", options.until)]
    flags += [("--where", condition) for condition in options.where]
    if options.tz != "UTC":
        flags.append(("--tz", options.tz))
    flags += [("--prices", options.prices), ("--ranks", options.ranks)]
    return "".join(f" {flag} {shlex.quote(str(value))}" for flag, value in flags if value)


def painted(line: str) -> str:
    """Headings in bold where the terminal wants colour; the words alone carry the meaning."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return line
    head = next((h for h in HEADINGS if line.startswith(h)), "")
    if head:
        return typer.style(head, bold=True) + line[len(head) :]
    if line.startswith("  BILL"):
        return typer.style(line, bold=True)
    return line
