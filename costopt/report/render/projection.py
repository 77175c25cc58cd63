"""The screen of `costopt simulate`: what the bill would have been, layer by layer, and how sure that is.

Reads a `Result` and nothing else. At most 40 lines at 80 columns; also right at 60 and through a pipe.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from costopt.model.escape import clean, fit, pad
from costopt.model.result import Projection, Result
from costopt.report.policy_words import places_of, risk_measured
from costopt.report.render.screen import dollars, packed, percent, plural, spread, wrap
from costopt.report.words import total_text, trace_name, unit_text, units

MAX_LINES = 40
MAX_WIDTH = 100
LEAST_RISK_ROOM = 17
"""`0.2 % (0.1-0.4)` and a space before it."""
COLUMNS = (
    ("step", "step_usd"), ("alone", "solo_usd"), ("without", "without_usd"),
    ("Shapley", "shapley_usd"),
)  # fmt: skip
NO_COST = "No call has a known cost, so no saving can be told: costopt prices check."
Row = Mapping[str, Any]


def projection_screen(
    result: Result, width: int = 80, seconds: float | None = None, again: str = ""
) -> list[str]:
    """The lines of the screen. `again`: what further commands need to find this trace."""
    width = min(width, MAX_WIDTH)
    found = result.projection
    if found is None:
        return ["No policy was simulated."]
    head = _header(result, found, width, seconds)
    if not found.baseline_usd and total_text(result) == "unknown":
        return [*head, "", *_indented("BILL  unknown", width), *_indented(NO_COST, width)]
    body = ["", *_bill(found, width), "", *_table(found, width), "", *_warnings(found, width)]
    end = ["", *_next(width, again)]
    rest = _small_print(found, width, MAX_LINES - len(head) - len(body) - len(end))
    return [*head, *body, *rest, *end]


def _header(result: Result, found: Projection, width: int, seconds: float | None) -> list[str]:
    took = "" if seconds is None else f"{seconds:.1f} s"
    parts = [trace_name(result), found.policy, plural(len(found.layers), "layer")]
    line = clean(" · ".join([*parts, f"prices of {found.as_of}"]))
    first = (
        [spread(line, took, width)] if len(line) + len(took) < width else wrap(line, width, "  ")
    )
    calls = plural(result.trace.calls, "call")
    if result.trace.sessions_known:
        calls += f" in {plural(result.trace.sessions, 'session')}"
    return [*first, f"{calls} · content: {result.coverage.content}"]


def _bill(found: Projection, width: int) -> list[str]:
    """Verified savings first; what the unproven layers would add in a line of its own."""
    base = dollars(found.baseline_usd, places_of(found))
    unproven = any(not row["verified"] and row.get("calls_touched") for row in found.layers)
    sure = _arm(base, found.verified_savings_usd, found.verified_ci95_pct, found)
    lines = _indented(f"BILL  {sure}{', verified' if unproven else ''}", width)
    if unproven:
        hoped = _arm(base, found.savings_usd, found.ci95_pct, found)
        lines += _indented(f"      {hoped}, if the unproven layers hold too", width)
    said = found.verdict.partition(" Unproven and not in it:")[0]
    if not said.startswith("$"):  # else, and of the unproven layers, the lines above say it
        lines += _indented(said, width)
    lines += _indented(_interval(found), width)
    if found.provider_cache_saved_usd > 0 and "prompt cache" not in said:
        took = dollars(found.provider_cache_saved_usd, places_of(found))
        lines += _indented(f"The provider's prompt cache has taken {took} off it already.", width)
    if found.recorded_baseline_usd != found.baseline_usd:
        then = dollars(found.recorded_baseline_usd, places_of(found))
        lines += _indented(f"The same calls at the prices of their own days: {then}", width)
    return lines


def _arm(base: str, usd: float, ci: list[float] | None, found: Projection) -> str:
    """`$402.18 -> $331.07  saves $71.11, 18 % [15.9, 19.4]`."""
    places = places_of(found)
    after = dollars(found.baseline_usd - usd, places)
    word, more = ("saves", "") if usd >= 0 else ("costs", " MORE")
    share = percent(usd, found.baseline_usd).lstrip("-")
    text = f"{base} -> {after}  {word} {dollars(abs(usd), places)}{more}"
    text += f", {share}" if share else ""
    return f"{text} [{ci[0]:.1f}, {ci[1]:.1f}]" if ci else text


def _interval(found: Projection) -> str:
    if found.ci95_pct is None:
        return f"No 95 % interval: {found.ci_reason or 'not known why'}."
    named = (
        ("sampling", "sampling"),
        ("cache_model", "cache model"),
        ("assumptions", "assumptions"),
    )
    parts = [
        f"{words} {ends[0]:.1f} to {ends[1]:.1f}"
        for key, words in named if (ends := found.ci_parts.get(key))
    ]  # fmt: skip
    return f"95 % interval of {found.ci_basis}, by its parts: {' · '.join(parts)} %"


def _table(found: Projection, width: int) -> list[str]:
    """One row a layer; the steps as shown sum to the savings as shown."""
    rows = found.layers
    if not rows:
        return ["The policy has no layers: nothing changes."]
    columns = [c for c in COLUMNS if any(row.get(c[1]) is not None for row in rows)]
    texts = [_column(found, key) for _, key in columns]
    rooms = [max(len(title), *map(len, texts[i])) for i, (title, _) in enumerate(columns)]
    names = [f"{i} {row['layer']}" for i, row in enumerate(rows, 1)]
    room = min(max(map(len, names)), 18)
    left = width - room - sum(r + 1 for r in rooms)
    beside = left >= LEAST_RISK_ROOM
    head = pad("LAYER", room) + _cells([t for t, _ in columns], rooms)
    lines = [head + ("  risk to answers" if beside else "")]
    for i, row in enumerate(rows):
        line = pad(names[i], room) + _cells([t[i] for t in texts], rooms)
        risk = risk_text(row)
        lines.append(pad(f"{line}  {risk}", width).rstrip() if beside else line)
        if not beside:
            lines += [f"    {part}" for part in wrap(f"risk {risk}", width - 4)]
    total = unit_text(*_total(found), places_of(found))
    return [*lines, f"{pad('  together', room)} {total:>{rooms[0]}}"]


def _cells(texts: list[str], rooms: list[int]) -> str:
    return "".join(f" {t:>{room}}" for t, room in zip(texts, rooms, strict=True))


def _total(found: Projection) -> tuple[int, float]:
    return units([found.savings_usd], found.savings_usd, places_of(found))[0], found.savings_usd


def _column(found: Projection, key: str) -> list[str]:
    """Steps and Shapley shares sum to the savings, as they are shown."""
    places = places_of(found)
    values = [row.get(key) for row in found.layers]
    known = [float(v) for v in values if v is not None]
    if key in ("step_usd", "shapley_usd") and len(known) == len(values):
        counts = iter(units(known, found.savings_usd, places))
    else:
        counts = iter([units([v], v, places)[0] for v in known])
    return ["—" if v is None else unit_text(next(counts), float(v), places) for v in values]


def risk_text(row: Row) -> str:
    """`none`, `1.9 % (1.6-2.3)`, or UNPROVEN with what was seen on too few calls."""
    risk = row["risk"]
    value, ci = risk.get("value"), risk.get("ci95")
    if not row.get("calls_touched"):
        return "nothing changed"
    if not row["verified"]:
        return "UNPROVEN" if value is None else f"UNPROVEN {100 * value:.1f} %"
    if value is None or risk.get("metric") == "none":
        return "none"
    text = f"{100 * value:.1f} %"
    return f"{text} ({100 * ci[0]:.1f}-{100 * ci[1]:.1f})" if ci else text


def _warnings(found: Projection, width: int) -> list[str]:
    """Layers that raise the bill, then layers that do nothing here."""
    places = places_of(found)
    worse = sorted((r for r in found.layers if r["step_usd"] < 0), key=lambda r: r["step_usd"])
    lines = []
    for row in worse:
        text = f"DON'T   {row['layer']}: costs {dollars(-row['step_usd'], places)} MORE"
        if row["overhead_usd"] > 0:
            text += f", {dollars(row['overhead_usd'], places)} of its own overhead included"
        lines += _at_most(f"{text}{_why(row)}", width, 3)
    for row in found.layers:
        if not row.get("calls_touched") and row["step_usd"] >= 0:
            lines += _at_most(f"NOTHING {row['layer']}: changes no call{_why(row)}", width, 2)
    return lines


def _at_most(text: str, width: int, count: int) -> list[str]:
    lines = wrap(text, width, "        ")
    if len(lines) <= count:
        return lines
    return [*lines[: count - 1], fit(f"{lines[count - 1]} {lines[count].strip()}", width)]


def _why(row: Row) -> str:
    """The layer's own first note; else what must be the reason where fewer tokens cost more."""
    notes = row.get("notes") or []
    if notes:
        return f". {notes[0]}"
    removed = row["evidence"].get("tokens_removed") or 0
    if row["step_usd"] < 0 < removed and row["overhead_usd"] < -row["step_usd"] / 2:
        return (
            f": it sends {removed:,} tokens less, but the provider's cache serves less of the rest"
        )
    return ""


def _small_print(found: Projection, width: int, room: int) -> list[str]:
    """Unproven layers with their reason, assumptions and notes, as far as there is room."""
    texts = [
        f"UNPROVEN {row['layer']}: {row['risk'].get('basis') or 'unverified'}"
        for row in found.layers if not row["verified"] and row.get("calls_touched")
    ]  # fmt: skip
    texts += [
        f"MEASURED {row['layer']}: {row['risk'].get('basis')}"
        for row in found.layers if row["verified"] and risk_measured(row)
    ]  # fmt: skip
    said = [t for row in found.layers for t in row.get("assumptions") or []]
    texts += [f"ASSUMED  {t}" for t in dict.fromkeys(said)]
    texts += [
        f"NOTE     {row['layer']}: {t}"
        for row in found.layers for t in (row.get("notes") or [])[_used(row) :]
    ]  # fmt: skip
    texts += [f"NOTE     {t}" for t in found.notes]
    lines: list[str] = []
    for i, text in enumerate(texts):
        block = wrap(text, width, "         ")
        more = i + 1 < len(texts)
        if len(lines) + len(block) + more > room:
            return [*lines, f"         and {plural(len(texts) - i, 'more note')} (--json has all)"]
        lines += block
    return lines


def _used(row: Row) -> int:
    """The first note of a layer that is warned of stands there already."""
    return int(row["step_usd"] < 0 or not row.get("calls_touched"))


def _indented(text: str, width: int) -> list[str]:
    indent = text[: len(text) - len(text.lstrip())]
    return [f"  {indent}{part}" for part in wrap(text.strip(), width - 2 - len(indent), "    ")]


def _next(width: int, again: str) -> list[str]:
    parts = [f"costopt recommend --max-risk 0.01{again}"]
    if "--no-store" not in again:  # a report is made of the result that the store keeps
        parts.insert(0, f"costopt report --html r.html{again}")
    return packed("Next  ", parts, width)
