"""`costopt store ls|rm|compact`: what the ledger holds, and making it smaller."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="What the ledger holds: ls, rm, compact.")

_DB = typer.Option("--db", help="Ledger instead of .costopt/ledger.duckdb.")


@app.command()
def ls(
    db: Annotated[Path | None, _DB] = None,
    json: Annotated[bool, typer.Option("--json", help="JSON alone on stdout.")] = False,
) -> None:
    """The data sets, the last one read first."""
    from costopt.wiring.ledger_care import listing, listing_json

    if json:
        typer.echo(listing_json(db))
        return
    for line in listing(db):
        typer.echo(line)


@app.command()
def rm(
    dataset: Annotated[list[str], typer.Argument(help="Names as ls shows them, or their TRACES.")],
    db: Annotated[Path | None, _DB] = None,
) -> None:
    """Forget data sets, with the calls and texts that no other one holds."""
    from costopt.wiring.ledger_care import forget

    for name in forget(db, dataset):
        typer.echo(f"removed {name}", err=True)
    typer.echo("costopt store compact  gives the room back to the disk.", err=True)


@app.command()
def compact(db: Annotated[Path | None, _DB] = None) -> None:
    """Drop what no data set holds, and give the room back to the disk."""
    from costopt.wiring.ledger_care import compacted

    before, after = compacted(db)
    typer.echo(f"{before / 1e6:,.1f} MB before, {after / 1e6:,.1f} MB after", err=True)
