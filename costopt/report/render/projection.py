"""The screen of `costopt simulate`: what the bill would have been, layer by layer, and how sure that is.

Reads a `Result` and nothing else. At most 40 lines at 80 columns; also right at 60 and through a pipe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from costopt.model.escape import clean, pad
from costopt.model.result import Projection, Result
from costopt.report.render.screen import dollars, packed, percent, places_for, plural, spread, wrap
from costopt.report.words import trace_name, unit_text, units

MAX_LINES = 40
MAX_WIDTH = 100
LEAST_RISK_ROOM = 17
"""`0.2 % (0.1-0.4)` and a space before it."""
LITTLE_PCT = 0.5
"""Of the bill: below half a percent no policy is worth its upkeep."""
COLUMNS = (
    ("step", "step_usd"), ("alone", "solo_usd"), ("without", "without_usd"),
    ("Shapley", "shapley_usd"),
)  # fmt: skip
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
    places = places_for(found.baseline_usd)
    base = dollars(found.baseline_usd, places)
    proven = dollars(found.baseline_usd - found.verified_savings_usd, places)
    line = f"BILL  {base} -> {proven}  {_saves(found.verified_savings_usd, places, found)}"
    unproven = any(not row["verified"] for row in found.layers)
    lines = _indented(f"{line}, verified" if unproven else line, width)
    if unproven:
        hoped = dollars(found.projected_usd, places)
        text = f"      {base} -> {hoped}  {_saves(found.savings_usd, places, found)}"
        lines += _indented(f"{text}, if the unproven layers hold too", width)
    lines += _indented(_interval(found), width)
    if found.recorded_baseline_usd != found.baseline_usd:
        then = dollars(found.recorded_baseline_usd, places_for(found.recorded_baseline_usd))
        lines += _indented(f"The same calls at the prices of their own days: {then}", width)
    if _little(found):
        lines += _indented("Little left to save with this policy.", width)
    return lines


def _saves(usd: float, places: int, found: Projection) -> str:
    word = "saves" if usd >= 0 else "costs"
    share = percent(abs(usd), found.baseline_usd)
    return f"{word} {dollars(abs(usd), places)}{'' if usd >= 0 else ' MORE'}, {share}".rstrip(", ")


def _interval(found: Projection) -> str:
    parts = found.ci_parts
    if found.ci95_pct is None:
        reason = parts.get("reason") or "there are too few sessions to tell"
        return f"95 % interval: not known, {reason}"
    low, high = found.ci95_pct
    named = (
        ("sampling", "sampling"),
        ("cache_model", "cache model"),
        ("assumptions", "assumptions"),
    )
    shown = [f"{words} {_part(parts[key])}" for key, words in named if parts.get(key) is not None]
    of = f": {' · '.join(shown)}" if shown else ""
    return f"95 % interval [{low:.1f}, {high:.1f}] % of the bill{of}"


def _part(value: Any) -> str:
    """Half a width, or both ends, in percentage points."""
    if isinstance(value, (int, float)):
        return f"±{abs(value):.1f}"
    if isinstance(value, Sequence) and len(value) == 2:
        return f"[{value[0]:.1f}, {value[1]:.1f}]"
    return str(value)


def _little(found: Projection) -> bool:
    best = max(found.verified_savings_usd, found.savings_usd)
    return bool(found.baseline_usd) and 0 <= 100 * best / found.baseline_usd < LITTLE_PCT


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
    total = unit_text(*_total(found), _places(found))
    return [*lines, f"{pad('  together', room)} {total:>{rooms[0]}}"]


def _cells(texts: list[str], rooms: list[int]) -> str:
    return "".join(f" {t:>{room}}" for t, room in zip(texts, rooms, strict=True))


def _places(found: Projection) -> int:
    return places_for(found.baseline_usd)


def _total(found: Projection) -> tuple[int, float]:
    return units([found.savings_usd], found.savings_usd, _places(found))[0], found.savings_usd


def _column(found: Projection, key: str) -> list[str]:
    """Steps and Shapley shares sum to the savings, as they are shown."""
    places = _places(found)
    values = [row.get(key) for row in found.layers]
    known = [float(v) for v in values if v is not None]
    if key in ("step_usd", "shapley_usd") and len(known) == len(values):
        counts = iter(units(known, found.savings_usd, places))
    else:
        counts = iter([units([v], v, places)[0] for v in known])
    return ["—" if v is None else unit_text(next(counts), float(v), places) for v in values]


def risk_text(row: Row) -> str:
    """`none`, `1.9 % (1.6-2.3)`, or UNPROVEN."""
    risk = row["risk"]
    value, ci = risk.get("value"), risk.get("ci95")
    if not row["verified"]:
        return "UNPROVEN"
    if not row.get("calls_touched"):
        return "nothing changed"
    if value is None or risk.get("metric") == "none":
        return "none"
    text = f"{100 * value:.1f} %"
    return f"{text} ({100 * ci[0]:.1f}-{100 * ci[1]:.1f})" if ci else text


def _warnings(found: Projection, width: int) -> list[str]:
    """Layers that raise the bill, and layers that do nothing here."""
    lines = []
    places = _places(found)
    for row in found.layers:
        name, why = row["layer"], _why(row)
        if row["step_usd"] < 0:
            text = f"DON'T   {name}: costs {dollars(-row['step_usd'], places)} MORE{why}"
            lines += wrap(text, width, "        ")[:3]
        elif not row.get("calls_touched"):
            lines += wrap(f"NOTHING {name}: changes no call{why}", width, "        ")[:2]
    return lines


def _why(row: Row) -> str:
    notes = row.get("notes") or []
    return f". {notes[0]}" if notes else ""


def _small_print(found: Projection, width: int, room: int) -> list[str]:
    """Unproven layers with their reason, assumptions and notes, as far as there is room."""
    texts = [
        f"UNPROVEN {row['layer']}: {row['risk'].get('basis') or 'unverified'}"
        for row in found.layers if not row["verified"]
    ]  # fmt: skip
    said = [t for row in found.layers for t in row.get("assumptions") or []]
    texts += [f"ASSUMED  {t}" for t in dict.fromkeys(said)]
    texts += [
        f"NOTE     {row['layer']}: {t}"
        for row in found.layers for t in (row.get("notes") or [])[_used(row) :]
    ]  # fmt: skip
    texts += [f"NOTE     {t}" for t in found.ci_parts.get("notes") or []]
    lines: list[str] = []
    for i, text in enumerate(texts):
        block = wrap(text, width, "         ")
        more = i + 1 < len(texts)
        if len(lines) + len(block) + more > room:
            return [*lines, f"         and {plural(len(texts) - i, 'more note')} (--json has all)"]
        lines += block
    return lines


def _used(row: Row) -> int:
    """The first note stands in a warning already where there is one."""
    return int(row["step_usd"] < 0 or not row.get("calls_touched"))


def _indented(text: str, width: int) -> list[str]:
    indent = text[: len(text) - len(text.lstrip())]
    return [f"  {indent}{part}" for part in wrap(text.strip(), width - 2 - len(indent), "    ")]


def _next(width: int, again: str) -> list[str]:
    parts = [f"costopt report --html r.html{again}", f"costopt recommend --max-risk 0.01{again}"]
    return packed("Next  ", parts, width)
