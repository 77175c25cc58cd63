"""`costopt doctor`: what is installed, what is missing and how to get it, what is estimated and why."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

ROOM = 29
MARKS = {"ok": "ok  ", "missing": "--  ", "problem": "!!  "}


def doctor(
    db: Annotated[Path | None, typer.Option(help="Ledger to look at.")] = None,
    ranks: Annotated[Path | None, typer.Option(help="Folder with tiktoken rank files.")] = None,
    json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """What is installed, what is estimated and why. Reaches no network."""
    from costopt.model.escape import fit
    from costopt.report.render.screen import wrap
    from costopt.wiring.health import health

    found = health(db, ranks)
    if json:
        import orjson

        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
        return
    panel, width = "", shutil.get_terminal_size((80, 40)).columns
    for line in found:
        if line.panel != panel:
            panel = line.panel
            typer.echo(f"\n{panel}")
        first, *more = wrap(line.text, max(30, width - ROOM)) + ([line.fix] if line.fix else [])
        typer.echo(f"  {MARKS[line.state]}{fit(line.name, 22):<22} {first}")
        for text in more:
            typer.echo(" " * ROOM + text)
