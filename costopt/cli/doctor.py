"""`costopt doctor`: what is installed, what is missing and how to get it, what is estimated and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

MARKS = {"ok": "ok  ", "missing": "--  ", "problem": "!!  "}


def doctor(
    db: Annotated[Path | None, typer.Option(help="Ledger to look at.")] = None,
    ranks: Annotated[Path | None, typer.Option(help="Folder with tiktoken rank files.")] = None,
    json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """What is installed, what is estimated and why. Reaches no network."""
    from costopt.model.escape import clean
    from costopt.wiring.health import health

    found = health(db, ranks)
    if json:
        import orjson

        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
        return
    panel = ""
    for line in found:
        if line.panel != panel:
            panel = line.panel
            typer.echo(f"\n{panel}")
        typer.echo(f"  {MARKS[line.state]}{line.name:<22} {clean(line.text)}")
        if line.fix:
            typer.echo(f"      {'':<22} {line.fix}")
