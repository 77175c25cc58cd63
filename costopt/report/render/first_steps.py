"""DO FIRST and DON'T of the first screen: the verified layers of a policy, and advice that harms this bill.

Reads a `Result` and nothing else. The rows of DO FIRST are steps of one waterfall: they may be summed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from costopt.model.result import REPLAYED, AdviceItem, FindingItem, Projection, Result
from costopt.report.policy_words import measured_layers
from costopt.report.render.projection import risk_text
from costopt.report.render.screen import dollars, places_for, spread, wrap
from costopt.report.words import unit_text, units

MAX_ROWS = 3
LEAST_SHARE = 0.001
"""Of the bill: below a tenth of a percent advice neither harms nor helps."""
WORTH_SHARE = 0.005
"""Of the bill. Below half a percent nobody should start with it."""
MIN_UNITS = 10
"""Of the last decimal: fewer would be one digit."""
MOST_LINES = 3
"""Of what is unproven."""
RISK_ROOM = 17
"""`1.9 % (1.6-2.3)` and two spaces before it."""
WITH_RISK = 76
"""Columns from which the risk stands beside the dollars."""
HARM = {
    "window": "it breaks the cache",
    "system_prompt": "too little is left for the cache",
    "batch": "cached input loses its discount there",
    "routing": "sessions lose their cache",
    "semantic_cache_usual": "embedding costs more than its hits save",
    "tool_outputs": "it breaks the cache",
    "session_budget": "what was stopped had warmed the cache",
    "exact_cache": "its hits had kept the cache warm",
    "compress": "the cache and the compressor cost more than it cuts",
}
Row = Mapping[str, Any]


def do_first(result: Result, found: Projection, width: int) -> list[str]:
    """At most three layers and the rest of the policy, with the dollars that they come to together."""
    said = found.verdict.partition(" Unproven and not in it:")[0]
    rows = [row for row in found.layers if row.get("verified_step_usd")]
    if not rows or found.verified_savings_usd <= 0 or said.startswith("No saving is shown"):
        return wrap(f"DO FIRST  {said}", width, "          ")
    beside = width >= WITH_RISK
    named = _named(result, rows)
    lines = [_line("DO FIRST", "saves", "share", "risk to answers", width)]
    for text, usd, share, risk, more in _texts(found, rows, named):
        head, *rest = wrap(text, width - len(_right(usd, share, beside)) - 1, "   ")
        lines.append(_line(head, usd, share, risk, width))
        more = more if beside or not risk else f"risk {risk} · {more}".rstrip(" ·")
        rest = [*rest[:1], *wrap(f"   {more}", width, "   ")[:1]] if more else rest[:1]
        lines += rest
    lines += _together(found, width)
    return [*lines, *(wrap(f"   {said}", width, "   ") if said.startswith("Little") else [])]


def _texts(
    found: Projection, rows: Sequence[Row], named: Mapping[int, list[FindingItem]]
) -> list[tuple[str, str, str, str, str]]:
    """(what, dollars, share, risk, which layer does it) of each line; the dollars sum to the whole."""
    order = sorted(range(len(rows)), key=lambda i: -rows[i]["verified_step_usd"])
    shown, others = order[:MAX_ROWS], order[MAX_ROWS:]
    amounts = [float(rows[i]["verified_step_usd"]) for i in shown]
    if others:
        amounts.append(sum(float(rows[i]["verified_step_usd"]) for i in others))
    places = places_of(found)
    counts = units(amounts, found.verified_savings_usd, places)
    money = [unit_text(c, a, places) for c, a in zip(counts, amounts, strict=True)]
    shares = [_share(a, found.baseline_usd) for a in amounts]
    out = []
    for k, i in enumerate(shown):
        mine, row = named[i], rows[i]
        does = f"{row['layer']}: {what_it_does(row)}"
        head = f"{mine[0].id} {mine[0].title}" if mine else does
        more = f"{does}{_also(mine)}" if mine else ""
        out.append((head, money[k], shares[k], _risk(row), more))
    if others:
        names = ", ".join(rows[i]["layer"] for i in others)
        out.append((f"   and {names}", money[-1], shares[-1], "", ""))
    return out


def _named(result: Result, rows: Sequence[Row]) -> dict[int, list[FindingItem]]:
    """The findings that each layer mends, the dearest first."""
    return {
        i: [f for f in result.findings if f.layer == row["layer"] and f.usd > 0]
        for i, row in enumerate(rows)
    }


def _also(mine: list[FindingItem]) -> str:
    ids = [f.id for f in mine[1:4]]
    return f" (also {', '.join(ids)})" if ids else ""


def _together(found: Projection, width: int) -> list[str]:
    places = places_of(found)
    saved = unit_text(units([found.verified_savings_usd], found.verified_savings_usd, places)[0],
                      found.verified_savings_usd, places)  # fmt: skip
    ends = found.verified_ci95_pct
    interval = f"[{ends[0]:.1f}, {ends[1]:.1f}]" if ends else "no interval"
    share = _share(found.verified_savings_usd, found.baseline_usd)
    lines = [_line("   Together, overlaps removed", saved, share, interval, width)]
    if width < WITH_RISK:
        lines += wrap(f"   95 % interval {interval}" if ends else "   No interval", width, "   ")
    base = units([found.baseline_usd], found.baseline_usd, places)[0]
    step = units([found.verified_savings_usd], found.verified_savings_usd, places)[0]
    was, now = (unit_text(n, 1.0, places) for n in (base, base - step))
    measured = measured_layers(found)
    text = f"Bill {was} -> {now} projected, {f'replayed: {measured}' if measured else 'not yet replayed'}"
    if found.recorded_baseline_usd != found.baseline_usd:
        text += f"; prices of {found.as_of}"
    if found.sampled:
        text += f"; tried on {_sample(found.sampled)}, scaled"
    return [*lines, *("   " + part for part in wrap(text, width - 3))]


def _sample(words: str) -> str:
    return words.partition(",  ")[0].partition(" drawn")[0]


def _line(text: str, usd: str, share: str, risk: str, width: int) -> str:
    beside = width >= WITH_RISK
    right = _right(usd, share, beside)
    return spread(
        text, right[:-RISK_ROOM] + f"  {risk:<{RISK_ROOM - 2}}" if beside else right, width
    )


def _right(usd: str, share: str, beside: bool) -> str:
    return f"{usd:>12} {share:>7}" + " " * RISK_ROOM * beside


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %" if whole else ""


def _risk(row: Row) -> str:
    text = risk_text(row)
    wait = row["settings"].get("deadline") if row["layer"] == "batch" else None
    return f"{text}, up to {wait / 3600:g} h" if wait and text == "none" else text


def places_of(found: Projection) -> int:
    """Decimals of the bill, or more where what is saved would have no two digits left."""
    places, saved = places_for(found.baseline_usd), abs(found.verified_savings_usd)
    return places if saved * 10**places >= MIN_UNITS else max(places, places_for(saved))


def what_it_does(row: Row) -> str:
    """One layer of a policy in a few words, with the settings that matter."""
    made, name = row["settings"], row["layer"]
    known: Mapping[str, Callable[[], str]] = {
        "exact_cache": lambda: f"the same request again within {_time(made['ttl'])}",
        "trim_tools": lambda: f"cut tool results over {made['max_tokens']:,} tokens",
        "window": lambda: (
            f"send {made['turns']} turns, drop {made['slide_every']} at a time"
        ),
        "tool_dedup": lambda: "answer repeated tool calls from the context",
        "prompt_layout": lambda: "stable parts first, at the cache's minimum",
        "batch": lambda: f"{_matched(made)} through the batch API",
    }  # fmt: skip
    try:
        return known[name]()
    except (KeyError, TypeError, ValueError):  # a layer of another package or version
        return "as the policy sets it"


def _time(seconds: Any) -> str:
    return "any time" if seconds is None or seconds == "none" else f"{float(seconds) / 3600:g} h"


def _matched(made: Row) -> str:
    found = made.get("match") or {}
    names = [n for patterns in found.values() for n in patterns] if isinstance(found, dict) else []
    return (
        ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "") or "work"
    )


def left_open(result: Result, found: Projection, width: int) -> list[str]:
    """What the layers shown do not mend: the dearest finding to mend by hand, and the dearest to test."""
    done = {row["layer"] for row in found.layers if (row.get("verified_step_usd") or 0.0) > 0}
    least = WORTH_SHARE * result.bill.total_usd
    open_ones = [
        f for f in result.findings
        if not f.estimated and f.usd >= least > 0 and f.layer not in done
    ]  # fmt: skip
    lines: list[str] = []
    for head, mine in (
        ("BY HAND", [f for f in open_ones if f.layer is None]),
        ("TO TEST", [f for f in open_ones if f.layer is not None]),
    ):
        if mine:
            first = mine[0]
            also = f" (also {', '.join(f.id for f in mine[1:4])})" if mine[1:] else ""
            does = f" by {first.layer}, unproven" if first.layer else ""
            told = first.evidence.get(REPLAYED) if first.layer else None
            does += f"; {told}" if told else ""
            text = f"{head} {first.id} {first.title}: up to {dollars(first.usd)}{does}{also}"
            lines += wrap(text, width, "        ")[: 4 if told else 2]
    return lines


def dont(result: Result, width: int) -> list[str]:
    """Advice that would raise this bill, then what saves nothing or is unproven."""
    advice = {item.name: item for item in result.advice}
    harmful = sorted((a for a in advice.values() if _harms(a)), key=lambda a: a.usd or 0.0)
    texts = [
        f"{_title(a)}: costs {dollars(-(a.usd or 0.0))} MORE ({HARM[a.name]})" for a in harmful[:3]
    ]
    lines: list[str] = []
    for text in texts:
        lines += _dont(lines, text, width)
    rest = [*_semantic(advice), *_unproven(advice)]
    while rest and len(_dont(lines, " · ".join(rest), width)) > MOST_LINES:
        rest.pop()  # the least dollars stand last; --json has all
    return lines + (_dont(lines, " · ".join(rest), width) if rest else [])


def _dont(above: list[str], text: str, width: int) -> list[str]:
    return wrap(("        " if above else "DON'T   ") + text, width, "        ")


def _harms(item: AdviceItem) -> bool:
    loss = -(item.usd or 0.0)
    return item.name in HARM and loss > 0 and loss >= LEAST_SHARE * item.baseline_usd


def _title(item: AdviceItem) -> str:
    made = item.settings
    return {
        "window": f"window of {made.get('turns')} turns",
        "system_prompt": f"system prompt cut to {made.get('max_tokens')} tokens",
        "batch": "background work in batches",
        "routing": f"{_models(item)} for simple calls",
        "semantic_cache_usual": f"semantic cache at {made.get('threshold')}",
        "tool_outputs": f"tool results cut to {made.get('max_tokens', 0):,} tokens",
        "session_budget": f"a stop at {dollars(float(made.get('usd') or 0.0))} a session",
        "exact_cache": "exact cache",
        "compress": f"prompts compressed to {100 * float(made.get('rate') or 0.0):.0f} %",
    }.get(item.name, item.name)


def _semantic(advice: Mapping[str, AdviceItem]) -> list[str]:
    """What can be hit without false answers, and what the usual threshold would give."""
    safe, usual = advice.get("semantic_cache"), advice.get("semantic_cache_usual")
    if safe is None or usual is None or safe.usd is None or _harms(usual):
        return []
    asked = safe.evidence.get("eligible_calls") or 0
    if not asked:
        return ["semantic cache: no call is eligible"]
    text = f"semantic cache: {_rate(safe.evidence.get('hits') or 0, asked)} safe hits"
    hits, false = usual.evidence.get("hits") or 0, usual.evidence.get("false_hit_rate")
    if hits and false:
        text += f" (at 0.95 {_rate(hits, asked)}, {_rate(false, 1)} of them wrong)"
    return [text]


def _unproven(advice: Mapping[str, AdviceItem]) -> list[str]:
    """What would save if nothing were lost by it, which nothing shows; the most dollars first."""
    found = []
    for name in ("routing", "compress", "window", "tool_outputs"):
        item = advice.get(name)
        if item is None or item.verified or not _saves(item):
            continue
        reach = item.risk.get("value")
        assumed = " (assumed)" if name == "compress" else ""
        used = f": {_rate(reach, 1)} use what is cut" if reach else ""
        text = f"{_title(item)}{assumed}, {dollars(item.usd or 0.0)}{used}"
        found.append((-(item.usd or 0.0), text))
    texts = [text for _, text in sorted(found)]
    return [f"UNPROVEN {texts[0]}", *texts[1:]] if texts else []


def _saves(item: AdviceItem) -> bool:
    return (item.usd or 0.0) >= LEAST_SHARE * item.baseline_usd > 0


def _models(item: AdviceItem) -> str:
    tiers = item.settings.get("tiers") or {}
    return ", ".join(str(m) for m in tiers.values()) if isinstance(tiers, dict) else "a small model"


def _rate(part: float, whole: float) -> str:
    value = 100 * part / whole if whole else 0.0
    return f"{value:.0f} %" if value >= 10 or not value else f"{value:.1f} %"
