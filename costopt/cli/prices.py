"""`costopt prices show|check|diff|overlay`: what a model costs, when, and where the figure is from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from costopt.cli.options import reads_traces
from costopt.wiring.request import TraceOptions

if TYPE_CHECKING:
    import datetime as dt

    from costopt.prices.book import Book
    from costopt.prices.check import ModelCheck

app = typer.Typer(no_args_is_help=True)
_Overlay = Annotated[Path | None, typer.Option("--prices", help="Your prices.yaml over the book.")]
_Json = Annotated[bool, typer.Option("--json", help="JSON alone on stdout.")]


@app.callback()
def _root() -> None:
    """List prices by date and tier, what is missing or stale, and your own overlay."""


@app.command()
def show(
    model: Annotated[str, typer.Argument(help="As your log names it: gpt-4o, us.anthropic...")],
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
        raise InputError(f"{found.reason}.", hint=hint)
    _print(found, listing_text(found), json)


@app.command()
@reads_traces
def check(options: TraceOptions) -> None:
    """Models of TRACES (or of the last audit) without a price, ambiguous or stale; the book's age."""
    from dataclasses import asdict

    from costopt.prices.book import load_book
    from costopt.prices.check import check_book

    book = load_book(options.prices)
    age = check_book(book, _today())
    models = _models(options, book)
    data = {
        "schema": "costopt.prices_check/1",
        "book": asdict(age),
        "models": [asdict(m) for m in models or []],
    }
    lines = [
        f"{age.version}",
        f"  the book's data is {age.age_days} days old"
        + (": update genai-prices" if age.stale else ""),
    ]
    if age.old_entries:
        lines.append(
            f"  {len(age.old_entries)} entries of our own data were checked over 30 days ago"
        )
    doubts = len(age.unconfirmed)
    lines.append(
        f"  {doubts} of our own {age.entries} entries are not confirmed (--json names them)"
    )
    if options.prices:
        lines.append(f"  {options.prices.name} is valid: {len(book.overlay.models)} models")
    _print(data, "\n".join(lines + _model_lines(models)), options.json)


def _models(options: TraceOptions, book: Book) -> list[ModelCheck] | None:
    """None: there is no log to look at. A log given here is read without being kept."""
    from dataclasses import replace

    from costopt.prices.check import check_trace
    from costopt.store.database import DEFAULT_PATH
    from costopt.wiring.reading import read

    if not options.traces and not (options.db or DEFAULT_PATH).exists():
        return None
    passing = bool(options.traces) and options.db is None
    reading = read(replace(options, no_store=True) if passing else options)
    try:
        return check_trace(reading.trace, book)
    finally:
        reading.store.close()


def _model_lines(models: list[ModelCheck] | None) -> list[str]:
    if models is None:
        return ["  no log has been read: costopt prices check TRACES looks at its models"]
    lines = [f"  {len(models)} models as called"]
    for m in models:
        name = "/".join(n for n in (m.provider, m.model or "(no model)") if n)
        tier = f" {m.tier}" if m.tier not in ("", "default") else ""
        lines.append(f"  {m.status:<12} {name}{tier}  {m.calls:,} calls")
        if m.status not in ("priced", "own"):
            near = f"  Nearest: {', '.join(m.candidates)}" if m.candidates else ""
            lines.append(f"               {m.reason}{near}")
    return lines


@app.command()
def diff(
    old: Annotated[str, typer.Argument(help="A prices.yaml, or a day like 2025-01-01.")],
    new: Annotated[str, typer.Argument(help="The other one, of the same kind.")],
    model: Annotated[str, typer.Option(help="This model alone.")] = "",
    provider: Annotated[str, typer.Option(help="Its provider.")] = "",
    prices: _Overlay = None,
    json: _Json = False,
) -> None:
    """What got dearer or cheaper between two overlays or two days."""
    from costopt.prices import diff as compare
    from costopt.prices.book import load_book
    from costopt.prices.version import book_date

    days = _day(old), _day(new)
    if days[0] and days[1]:
        book = load_book(prices)
        names = [(provider, model)] if model else compare.first_party_names()
        found = compare.changes(book, days[0], book, days[1], names)
    elif days[0] is None and days[1] is None:
        books = load_book(Path(old)), load_book(Path(new))
        names = [(provider, model)] if model else compare.overlay_names(*books)
        found = compare.changes(books[0], book_date(), books[1], book_date(), names)
    else:
        from costopt.errors import UsageError

        raise UsageError(
            "OLD and NEW must both be files or both be days.", hint="2025-01-01 2026-10-01"
        )
    rows = [
        {
            "provider": c.provider, "model": c.model, "context": c.context, "unit": c.unit,
            "old": c.old, "new": c.new,
            "change_pct": None if c.change_pct is None else f"{c.change_pct:.2f}",
        }
        for c in found
    ]  # fmt: skip
    text = "\n".join(_diff_line(r) for r in rows) or "no price differs"
    _print({"schema": "costopt.prices_diff/1", "changes": rows}, text, json)


def _diff_line(row: dict[str, str | None]) -> str:
    name = "/".join(n for n in (row["provider"], row["model"]) if n)
    context = "" if row["context"] == "base" else f" {row['context']}"
    change = f"  {float(row['change_pct']):+.1f} %" if row["change_pct"] else ""
    return f"{name:<44} {row['unit']}{context}: {row['old'] or 'none'} -> {row['new'] or 'none'}{change}"


@app.command()
def overlay(
    file: Annotated[Path, typer.Argument(help="A prices.yaml to check.")], json: _Json = False
) -> None:
    """Check a prices.yaml and print what it says."""
    from costopt.prices.overlay.read import read_overlay

    found = read_overlay(file)
    models = [
        {
            "model": o.name,
            "line": o.line,
            **o.entry.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        }
        for o in found.models
    ]
    rest = {
        "discounts": [d.model_dump(mode="json") for d in found.discounts],
        "seats": [s.model_dump(mode="json") for s in found.seats],
        "aliases": found.aliases,
        "tiers": {t: {p: str(f) for p, f in by.items()} for t, by in found.tiers.items() if by},
    }
    lines = [f"{found.path} is valid: {len(models)} models, {len(found.discounts)} discounts, "
             f"{len(found.aliases)} aliases, {len(found.seats)} seats"]  # fmt: skip
    for row in models:
        said = ", ".join(f"{k} {v}" for k, v in row.items() if k not in ("model", "line"))
        lines.append(f"  line {row['line']:<4} {row['model']}: {said}")
    _print({"schema": "costopt.prices_overlay/1", "models": models, **rest}, "\n".join(lines), json)


def _day(text: str) -> dt.date | None:
    import datetime as dt

    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def _today() -> dt.date:
    import datetime as dt

    return dt.datetime.now(tz=dt.UTC).date()


def _print(data: dict[str, Any], text: str, as_json: bool) -> None:
    if as_json:
        import json

        typer.echo(json.dumps(data, indent=2))
        return
    from costopt.model.escape import clean

    typer.echo("\n".join(clean(line) for line in text.split("\n")))  # names are the log's own
