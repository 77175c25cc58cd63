"""Name, version and date of the price data, without loading it: `costopt --version` stays instant."""

from __future__ import annotations

import datetime as dt
import re
from functools import cache
from importlib.metadata import version as installed
from importlib.util import find_spec
from pathlib import Path

from costopt.prices.own_data import data

_READ_ON = re.compile(r"(?:verified|checked|published|as of|read)[^'\"]{0,40}?(20\d\d-\d\d-\d\d)")


@cache
def book_name() -> str:
    """`genai-prices 0.2.3 of 2026-11-09, own data of 2026-11-24`."""
    own = data("book")["own_data_checked"]
    return (
        f"genai-prices {installed('genai-prices')} of {book_date().isoformat()}, own data of {own}"
    )


@cache
def book_date() -> dt.date:
    """The data date of the installed book: the default `as_of` of projections, never the clock."""
    known = data("book")["genai_prices"].get(installed("genai-prices"))
    return dt.date.fromisoformat(known) if known else _date_in_data()


def _date_in_data() -> dt.date:
    """A release that we have not read: the newest day on which its own notes say a price was checked."""
    spec = find_spec("genai_prices")
    folder = Path(spec.origin).parent if spec and spec.origin else Path()
    text = (folder / "data.py").read_text(encoding="utf-8") if folder.name else ""
    days = _READ_ON.findall(text)
    newest = max(data("book")["genai_prices"].values())
    return dt.date.fromisoformat(max([newest, *days]))
