"""Invoices and usage exports: bills without calls, for `costopt reconcile`.

Read with `read_invoice`. OpenAI and Anthropic admin API pages (usage and cost), and tables with a
date, a model and an amount. Anthropic's cost report is in cents; OpenAI's input includes cached.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from costopt.errors import InputError
from costopt.model.invoice import Invoice
from costopt.sources.bodies.parts import items


def read_invoice(data: bytes, name: str, fx: Decimal | None = None) -> Invoice:
    """An invoice from the bytes of a file. `fx`: units of its currency for one US dollar.

    Raises InputError where the shape is not known, a value cannot be true, or a currency other than
    USD has no `fx`.
    """
    from costopt.sources.invoices import anthropic, openai, table

    stripped = data.lstrip(b"\xef\xbb\xbf \t\r\n")
    if stripped[:1] not in (b"{", b"["):
        return table.read(data, name, fx)
    pages = _pages(stripped, name)
    for reader in (openai, anthropic):
        if reader.fits(pages):
            return reader.read(pages, name, fx)
    raise InputError(
        "this JSON is no usage or cost export that is known here.", where=name,
        hint="Known: OpenAI usage and costs pages, Anthropic usage and cost reports, a CSV with"
             " date, model and usd.",
    )  # fmt: skip


def _pages(data: bytes, name: str) -> list[dict[str, Any]]:
    """One page, a list of pages, or a page a line."""
    from orjson import loads

    try:
        whole = loads(data)
    except ValueError:
        try:
            whole = [loads(line) for line in data.splitlines() if line.strip()]
        except ValueError as error:
            raise InputError(f"this is no JSON: {error}", where=name) from error
    pages = whole if isinstance(whole, list) else [whole]
    return [p for p in pages if isinstance(p, dict)]


def buckets(pages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The day buckets of all pages."""
    found = [b for p in pages for b in items(p.get("data")) if isinstance(b, dict)]
    return [b for b in found if isinstance(b.get("results"), list)]


def results(
    pages: list[dict[str, Any]], name: str
) -> Iterator[tuple[dict[str, Any], dict[str, Any], str]]:
    """(bucket, one of its results, where it stands). InputError: a result that is no object."""
    for number, bucket in enumerate(buckets(pages), 1):
        where = f"{name}, bucket {number}"
        for result in bucket["results"]:
            if not isinstance(result, dict):
                raise InputError(f"{str(result)[:40]!r} is no result of a report.", where=where)
            yield bucket, result, where
