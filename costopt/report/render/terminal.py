"""The first screen of `costopt audit`: where the money goes, what to do first, how sure it is.

Reads a `Result` and nothing else. At most 40 lines at 80 columns; also right at 60 and through a
pipe. Plain text: colour is put on by the caller and never carries meaning alone.
"""

from __future__ import annotations

import re
from typing import Any

from costopt.model.result import FindingItem, Result
from costopt.report.render.bill_block import bill_block
from costopt.report.render.first_steps import do_first, dont, left_open
from costopt.report.render.header import header
from costopt.report.render.screen import (
    amount_rows,
    dollars,
    packed,
    percent,
    side_by_side,
    spread,
    wrap,
)
from costopt.report.words import total_text

MAX_ROWS = 6
WORTH_SHARE = 0.005
"""Of the bill. Below half a percent nobody should start with it."""
MAX_LINES = 40
MAX_WIDTH = 100
MAX_ASKED = 40
_ASIDE = re.compile(r"\s*\([^)]*\)")
WIDE = 76
"""Columns from which two blocks fit side by side."""


def audit_screen(
    result: Result, width: int = 80, seconds: float | None = None, again: str | None = "",
    part: str = "",
) -> list[str]:  # fmt: skip
    """The lines of the screen. `seconds`: how long the audit took, shown at the right.

    `again`: what further commands need to find this trace, ` --db F` or its files; None: a sample.
    `part`: the options that chose a part of it.
    """
    width = min(width, MAX_WIDTH)
    blocks = [
        header(result, width, seconds),
        bill_block(result, width),
        _where(result, width),
        _do_first(result, width),
        _dont(result, width),
        _sure(result, width),
    ]
    lines: list[str] = []
    for block in blocks:
        if block:
            lines += [*block, ""]
    lines = shortened([*lines, *_next(result, width, again, part)], width)
    for name, rows in result.bill.by.items():
        lines += ["", *_asked(name, rows, result.bill.total_usd, width)]
    return lines


def shortened(lines: list[str], width: int) -> list[str]:
    """At most MAX_LINES: empty lines go first, then continued lines, the last ones before the others."""
    if width < WIDE:
        return lines
    for spare in (lambda x: not x, lambda x: x.startswith("        ")):
        for i in range(len(lines) - 1, 0, -1):
            if len(lines) <= MAX_LINES:
                return lines
            if spare(lines[i]) and lines[i - 1]:
                del lines[i]
    return lines


def _where(result: Result, width: int) -> list[str]:
    bill = result.bill
    whole = bill.total_usd
    half = (width - 4) // 2 if width >= WIDE else width
    by = "by_agent" if len(bill.by_agent) > 1 else "by_model"
    key = by.removeprefix("by_")
    rows = [_group(r, key) for r in getattr(bill, by)]
    left = ["WHERE" if key == "agent" else "WHERE (by model)", *_top(rows, whole, half)]
    paid = [_group(r, "what") for r in bill.paid_for]
    right = ["WHAT IS PAID FOR", *_top(paid, whole, half)] if paid else []
    lines = side_by_side(left, right, width) if right else left
    cache = result.prompt_cache
    if cache.ideal_block_share is not None:
        text = f"A prompt cache without limits would serve {100 * cache.ideal_block_share:.2f} %"
        lines += wrap(f"{text} of the blocks.", width)
    elif cache.recorded_share or (cache.recorded_share == 0 and cache.ideal_share):
        text = f"The provider's prompt cache serves {100 * cache.recorded_share:.0f} % of input"
        if cache.ideal_share is not None:
            text += f" ({100 * cache.ideal_share:.0f} % was sent before)"
        lines += wrap(text + ".", width)
    return lines


def _group(row: dict[str, Any], key: str) -> tuple[str, float | None]:
    """Name and dollars."""
    return str(row[key]) or "(no name)", _usd(row)


def _usd(row: dict[str, Any]) -> float | None:
    """Dollars of a group; None where not one call of it has a known cost."""
    usd = float(row["usd"])
    return None if not usd and int(row.get("unknown_calls", 0)) > 0 else usd


def _top(rows: list[tuple[str, float | None]], whole: float, width: int) -> list[str]:
    rows = sorted(rows, key=lambda r: (-(r[1] or 0.0), r[0]))
    shown = rows[:MAX_ROWS]
    if len(rows) > MAX_ROWS:
        shown = rows[: MAX_ROWS - 1]
        rest = sum(v or 0.0 for _, v in rows[MAX_ROWS - 1 :])
        shown.append((f"{len(rows) - len(shown)} others", rest))
    return amount_rows(shown, whole, width)


def _do_first(result: Result, width: int) -> list[str]:
    found = result.projection
    if found is None:
        return _by_findings(result, width)
    if total_text(result) == "unknown":
        return wrap(f"DO FIRST  {_nothing(result)}", width, "          ")
    return [*do_first(result, found, width), *left_open(result, found, width)]


def _by_findings(result: Result, width: int) -> list[str]:
    """Of a result without a projection, as earlier versions wrote them: the dearest findings."""
    worth = _first(result)
    if not worth:
        return wrap(f"DO FIRST  {_nothing(result)}", width, "          ")
    lines = [spread("DO FIRST", f"{'worth up to':>12} {'share':>8}", width)]
    for finding in worth:
        lines += _finding(finding, result.bill.total_usd, width)
    lines.append("   Findings overlap: their dollars do not add up.")
    return lines


def _nothing(result: Result) -> str:
    """Why there is nothing to do first: little to save, nothing priced, or nothing to look at."""
    if total_text(result) == "unknown":
        return "no call has a known cost, so nothing can be ranked by it."
    if result.coverage.content == "none":
        return "nothing that usage alone shows. Most kinds of waste need the text of requests."
    known = _measured(result)
    if known:
        worth = f"{dollars(known[0].usd)}, {percent(known[0].usd, result.bill.total_usd)}"
        return (
            f"little left to save: the dearest measured finding, {known[0].id}, is worth {worth}."
        )
    if result.findings:
        return "nothing measured; the report lists hints that need a test."
    return "nothing found that is worth a change: little left to save."


def _measured(result: Result) -> list[FindingItem]:
    """Findings with dollars that the log proves, the dearest first."""
    return [f for f in result.findings if not f.estimated and f.usd > 0]


def _first(result: Result) -> list[FindingItem]:
    """The three dearest findings that are measured and worth a change; the others are in the report."""
    least = WORTH_SHARE * result.bill.total_usd
    return [f for f in _measured(result) if f.usd >= least][:3]


def _finding(finding: FindingItem, whole: float, width: int) -> list[str]:
    right = f"{dollars(finding.usd):>12} {percent(finding.usd, whole):>8}"
    text = wrap(f"{finding.id} {finding.title}", width - len(right) - 1, "   ")
    return [spread(text[0], right, width), *text[1:2]]


def _dont(result: Result, width: int) -> list[str]:
    lines = dont(result, width)
    harmful = [] if result.advice else [c for c in result.checklist if c.status == "harmful"]
    for item in harmful[:3]:
        cost = f": costs {dollars(-item.usd)} MORE" if item.usd is not None else ""
        lines += wrap(f"DON'T   {item.title}{cost}. {item.fix}", width, "        ")[:4]
    return lines + checklist_line(result, width)


def checklist_line(result: Result, width: int) -> list[str]:
    """`CHECKLIST  3 pass · 4 fail · 1 n/a   costopt checklist`; nothing where none was run."""
    counts = [
        (status, sum(c.status == status for c in result.checklist))
        for status in ("pass", "fail", "harmful", "unknown", "not_applicable")
    ]
    words = {"not_applicable": "n/a"}
    shown = " · ".join(f"{n} {words.get(s, s)}" for s, n in counts if n)
    if shown:
        return wrap(f"CHECKLIST  {shown}   costopt checklist", width, "  ")
    return []


def _sure(result: Result, width: int) -> list[str]:
    bill, trace, cache = result.bill, result.trace, result.prompt_cache
    parts = []
    if trace.calls:
        reported = trace.calls - bill.estimated_calls - bill.missing_usage_calls
        parts.append(f"usage reported on {100 * reported / trace.calls:.4g} % of calls")
    if cache.residual_pp is not None:
        parts.append(f"cache model off by {abs(cache.residual_pp):.1f} pp on held-out sessions")
    parts.append(f"token counts of parts: {_ASIDE.sub('', result.coverage.tokens)}")
    parts += [result.price_book, "nothing left this machine"]
    notes = result.coverage.notes[:2]
    lines = wrap("SURE?   " + " · ".join(parts), width, "        ")
    return lines + [part for note in notes for part in wrap("        " + note, width, "        ")]


def _next(result: Result, width: int, again: str | None, part: str) -> list[str]:
    worth = _to_show(result)
    if again is None:
        page = [f"costopt explain {worth[0].name}"] if worth else []
        return packed("Next  ", [*page, "costopt audit YOUR_EXPORT"], width)
    show = [f"costopt show {f.id}{again}{part}" for f in worth]
    if not worth and result.bill.unpriced_calls:
        show = [f"costopt prices check{again}"]
    # A store holds this very result already; without one the report has to be told all of it.
    rest = part if again.endswith("--no-store") else ""
    report = f"costopt report --html r.html{again}{rest}"
    # The audit has written policy.yaml, but for one that keeps nothing.
    policy = "policy init" if rest or again.endswith("--no-store") else "simulate"
    return packed("Next  ", [*show, f"costopt {policy}{again}{part}", report], width)


def _to_show(result: Result) -> list[FindingItem]:
    """The finding behind the layer that saves most, else the dearest measured one; at most one."""
    found = result.projection
    rows = [] if found is None else [r for r in found.layers if r.get("verified_step_usd")]
    for row in sorted(rows, key=lambda r: -r["verified_step_usd"]):
        mine = [f for f in result.findings if f.layer == row["layer"] and f.usd > 0]
        if mine and row["verified_step_usd"] > 0:
            return mine[:1]
    return _measured(result)[:1]


def _asked(name: str, rows: list[dict[str, Any]], whole: float, width: int) -> list[str]:
    """A breakdown asked for with --by: all rows that fit a page, the others in one."""
    keys = name.split(",")
    named = [(" · ".join(str(r[k]) or "(no name)" for k in keys), _usd(r)) for r in rows]
    shown = named[:MAX_ASKED]
    if len(named) > MAX_ASKED:
        rest = sum(usd or 0.0 for _, usd in named[MAX_ASKED:])
        shown.append((f"{len(named) - MAX_ASKED:,} others (--json has all)", rest))
    return [f"BY {name.upper()}", *amount_rows(shown, whole, width)]
