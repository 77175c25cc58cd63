"""The page: generated blocks between marks; the words around them stay."""

from __future__ import annotations

import re
from pathlib import Path

from study import (
    batch,
    best,
    composed,
    compression,
    output,
    routing,
    semantic,
    speculation,
    tools,
    windows,
)
from study.words import Figures, named, pct, table, usd

BY_LOG = {
    "semantic": semantic, "routing": routing, "compression": compression, "windows": windows,
    "tools": tools, "output": output, "batch": batch, "composed": composed,
}  # fmt: skip
"""Claims that are measured log by log, in the article's order."""
ORDER = ("semantic", "routing", "compression", "windows", "tools", "output", "batch",
         "speculation", "composed")  # fmt: skip
FEW_CALLS = 100
BLOCK = "<!-- study: {} -->\n\n{}\n\n<!-- end: {} -->"


def blocks(figures: Figures) -> dict[str, str]:
    """Every generated part of the page, by name."""
    logs = figures["logs"]
    made: dict[str, list[str]] = {"headline": _headline(figures), "logs": _logs(logs)}
    for name, part in BY_LOG.items():
        made[name] = part.told(figures[name], logs)
    made["speculation"] = speculation.told(logs)
    made["best"] = best.told(figures)
    return {name: "\n".join(lines) for name, lines in made.items()}


def _headline(figures: Figures) -> list[str]:
    """Ranges over the logs that are large enough to say something."""
    figures = _of_size(figures)
    rows = {name: part.headline(figures[name]) for name, part in BY_LOG.items()}
    rows["speculation"] = speculation.headline(figures["logs"])
    cells = ((f"[{h.claim}](#{n})", h.found, f"**{h.verdict}**") for n in ORDER for h in (rows[n],))
    lines = table(("claim", "what the logs say", "verdict"), cells)
    return [lines[0], "|---|---|---|", *lines[2:]]


def _of_size(figures: Figures) -> Figures:
    """Without logs of a few calls, if that leaves any."""
    large = {n for n, f in figures["logs"].items() if f["calls"] >= FEW_CALLS}
    if not large:
        return figures
    out = {**figures, "logs": {n: figures["logs"][n] for n in large}}
    for name in BY_LOG:
        logs = {n: f for n, f in figures[name]["logs"].items() if n in large}
        out[name] = {**figures[name], "logs": logs}
    return out


def _logs(logs: Figures) -> list[str]:
    rows = [
        (named(n, logs), f["what"], f["licence"], f["usage"], f"{f['calls']:,} in {f['sessions']:,}",
         usd(f["usd"]), pct(f["cached_share"], 0))
        for n, f in logs.items()
    ]  # fmt: skip
    head = (
        "log",
        "what it is",
        "licence",
        "usage",
        "calls in sessions",
        "bill",
        "input read from the cache",
    )
    lines = table(head, rows)
    dates = sorted({f["as_of"] for f in logs.values()})
    return [lines[0], "|---|---|---|---|---:|---:|---:|", *lines[2:], "",
            f"Bills at list prices of {', '.join(dates)}, those of the price book itself."]  # fmt: skip


def write(path: Path, made: dict[str, str]) -> None:
    """Put each block between its marks. ValueError: the page has no place for one."""
    text = path.read_text()
    for name, block in made.items():
        place = re.compile(rf"<!-- study: {name} -->.*?<!-- end: {name} -->", re.DOTALL)
        if not place.search(text):
            raise ValueError(f"{path} has no place for `{name}`")
        before, after = place.split(text, maxsplit=1)
        text = f"{before}{BLOCK.format(name, block, name)}{after}"
    path.write_text(text)
