"""Microsoft's public LLM inference traces as arrivals.

One line a request: `TIMESTAMP,ContextTokens,GeneratedTokens`.
https://github.com/Azure/AzurePublicDataset, AzureLLMInferenceTrace_{code,conv}.csv of 2023 and the week
of 2024 alike, CC-BY-4.0; read 2026-11-25. Nothing is known of the texts, so no prefix is shared.
"""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

import numpy as np

from costopt.errors import InputError
from costopt.serving.arrivals import Arrivals, in_order

_COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def azure(path: Path, span_s: float | None = None) -> Arrivals:
    """The trace; its window is from the first to the last request unless another is given."""
    with path.open(newline="", encoding="utf-8") as lines:
        reader = csv.DictReader(lines)
        if missing := [name for name in _COLUMNS if name not in (reader.fieldnames or ())]:
            raise InputError(f"No Azure trace: lacks {', '.join(missing)}.", where=f"{path}:1")
        rows = [_row(row, f"{path}:{reader.line_num}") for row in reader]
    if not rows:
        raise InputError("An Azure trace without requests.", where=str(path))
    times, prompt, output = (np.array(column) for column in zip(*rows, strict=True))
    at_s = times - times.min()
    return in_order(at_s, prompt, output, span_s or max(float(at_s.max()), 1.0))


def _row(row: dict[str, str], where: str) -> tuple[float, int, int]:
    try:
        prompt, output = int(row["ContextTokens"]), int(row["GeneratedTokens"])
        moment = _seconds(row["TIMESTAMP"])
    except (ValueError, TypeError) as error:
        raise InputError(f"Not a request: {error}", where=where) from error
    if prompt < 0 or output < 0:
        raise InputError("Not a request: tokens below 0.", where=where)
    return moment, prompt, output


def _seconds(text: str) -> float:
    """Seconds since 1970. The traces carry seven decimals, one more than Python's times hold."""
    whole, _, fraction = text.strip().partition(".")
    digits, zone = fraction, ""
    for mark in "+Z":
        if mark in fraction:
            digits, zone = fraction[: fraction.index(mark)], fraction[fraction.index(mark) :]
    moment = dt.datetime.fromisoformat(whole + zone)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return (moment - _EPOCH).total_seconds() + (float(f"0.{digits}") if digits else 0.0)
