"""`costopt prices show|check|diff|overlay`: what a model costs, when, and where the figure is from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)
_Overlay = Annotated[Path | None, typer.Option("--prices", help="Your prices.yaml over the book.")]
_Json = Annotated[bool, typer.Option("--json", help="JSON alone on stdout.")]


@app.callback()
def _root() -> None:
    """List prices by date and tier, what is missing or stale, and your own overlay."""


@app.command()
def show(
    model: Annotated[
        str, typer.Argument(help="A model as your log names it: gpt-4o, us.anthropic...")
    ],
    provider: Annotated[str, typer.Option(help="Provider as your log names it.")] = "",
    prices: _Overlay = None,
    json: _Json = False,
) -> None:
    """All periods, tiers and cache rules of a model, each with its source."""
    from costopt.errors import InputError
    from costopt.prices.book import load_book
    from costopt.prices.contract import Unpriced
    from costopt.prices.listing import listing, listing_text

    found = listing(load_book(prices), provider, model)
    if isinstance(found, Unpriced):
        names = ", ".join(found.candidates)
        hint = f"Nearest: {names}" if names else "Give a price of your own in prices.yaml."
        raise InputError(found.reason, hint=hint)
    _print(found, listing_text(found), json)


def _print(data: object, text: str, as_json: bool) -> None:
    if as_json:
        import json

        typer.echo(json.dumps(data, indent=2))
        return
    typer.echo(text)
