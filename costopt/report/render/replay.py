"""The end screen of `costopt replay`: what was sent and spent, layer by layer what was projected and
what it is now, what the answers did, and the checklist.

Reads a `Result` and nothing else. At most 40 lines at 80 columns; also right at 60 and through a pipe.
"""

from __future__ import annotations

from costopt.model.replayed import Compared, ReplayInfo
from costopt.model.result import Projection, Result
from costopt.report.policy_words import places_of
from costopt.report.render.replay_plan import plan_screen
from costopt.report.render.replay_table import layer_table
from costopt.report.render.screen import dollars, packed, places_for, plural, wrap
from costopt.report.render.terminal import checklist_line

MAX_LINES = 40
MAX_WIDTH = 100
ENDPOINT, RECORDED, PLANNED = "endpoint", "recorded", "planned"
AGAINST_THE_LOG = "REPLAYED AGAINST YOUR LOG: proves plumbing and prices, NOT answers"


def replay_screen(
    result: Result, width: int = 80, seconds: float | None = None, again: str = "", go_on: str = "",
    policy: str = "",
) -> list[str]:  # fmt: skip
    """The lines of the screen. `again`: what further commands need to find this trace, `policy`: and this
    policy. `go_on`: the command that sends a plan, or goes on with what was stopped. `seconds`: of the
    whole command."""
    width = min(width, MAX_WIDTH)
    info, found = result.replay, result.projection
    if info is None or found is None:
        return ["No policy was replayed."]
    if info.state == PLANNED:
        return plan_screen(result, info, width, go_on)
    top = [*_sent(info, width, seconds), *_spent(info, width), *_left(info, width), ""]
    floor = _noise(info, width)
    bottom = [*_sums(info, found, width), *_sample(info, width), ""]
    end = [
        *checklist_line(result, width),
        *_kept(info, width),
        *_next(info, width, again, policy, go_on),
    ]
    fixed = len(top) + len(floor) + len(bottom) + len(end)
    table = layer_table(info, found, width, MAX_LINES - fixed)
    notes = _notes(info, width, MAX_LINES - fixed - len(table))
    return [*top, *floor, *table, *bottom, *notes, *end]


def _sent(info: ReplayInfo, width: int, seconds: float | None) -> list[str]:
    took = info.seconds if info.seconds is not None else seconds
    parts = [f"{info.answered:,} of {plural(info.planned, 'request')} answered", info.endpoint]
    parts += [span(took)] if took is not None else []
    return flow(" · ".join(parts), width, "  ")


def _spent(info: ReplayInfo, width: int) -> list[str]:
    """Against the log nothing is spent: what it would have cost stands there, and what it proves."""
    places = places_for(info.worst_usd)
    expected, worst = dollars(info.expected_usd, places), dollars(info.worst_usd, places)
    if info.origin == RECORDED:
        price = f"Nothing was sent. Priced: {expected} expected, at worst {worst}"
        return [*flow(AGAINST_THE_LOG, width, "  "), *flow(price, width, "  ")]
    budget = f" of {dollars(info.budget_usd)}" if info.budget_usd is not None else ""
    before = (
        f" (priced before: {expected}, at worst {worst})"
        if info.worst_usd
        else ": your own machine"
    )
    retries = (
        f" · {info.retries:,} {'retry' if info.retries == 1 else 'retries'}" if info.retries else ""
    )
    spent = dollars(info.spent_usd, places)
    return flow(f"Spent {spent}{budget}{before}{retries}", width, "  ")


def _left(info: ReplayInfo, width: int) -> list[str]:
    """What became of the requests that have no answer."""
    parts = []
    if info.in_doubt:
        usd = dollars(info.in_doubt_usd, places_for(info.in_doubt_usd))
        parts.append(f"{info.in_doubt:,} in doubt, counted at their worst, {usd}")
    refused = "failed"
    if info.origin == RECORDED:
        refused = "changed by the policy: the log has no answer to them"
    parts += [f"{n:,} {w}" for n, w in (
        (info.failed, refused), (info.unreadable, "unreadable"), (info.not_sent, "not sent"),
    ) if n]  # fmt: skip
    why = {
        "stopped_by_budget": "stopped: the next request might have gone over the budget",
        "stopped": "stopped: the endpoint lets nothing pass", "interrupted": "interrupted",
    }.get(info.state)  # fmt: skip
    parts += [why] if why else []
    return flow(" · ".join(parts), width, "  ") if parts else []


def _noise(info: ReplayInfo, width: int) -> list[str]:
    """The first test that saw answers; against the log there is none."""
    if info.origin != ENDPOINT:
        return [] if info.origin == RECORDED else flow(info.statement, width, "  ")
    found = next((n for n in info.noise if n.answers), None)
    if found is None:
        return flow("Noise floor: not measured; no unchanged request was answered.", width, "  ")
    rate = f", {100 * found.rate:.1f} %" if found.rate is not None else ""
    said = (
        f"Noise floor: the same request sent again agrees {found.agree:,}/{found.answers:,}{rate}"
    )
    return flow(said, width, "  ")


def _sums(info: ReplayInfo, found: Projection, width: int) -> list[str]:
    """The bill, and what stands outside the sums."""
    places = places_of(found)
    base = info.baseline_usd if info.baseline_usd is not None else found.baseline_usd
    saved = info.now_savings_usd
    word = "" if saved is not None else "  projected, not measured"
    if saved is None:
        saved = info.projected_savings_usd or 0.0
    lines = flow(
        f"Bill {dollars(base, places)} -> {dollars(base - saved, places)}{word}", width, "  "
    )
    open_usd = [
        (layer.projected_usd if layer.now_usd is None else layer.now_usd)
        for layer in info.layers if not _proven(layer.now_verified, layer.projected_verified)
        and layer.says != "drop"
    ]  # fmt: skip
    if any(open_usd):
        text = f"Unproven and not in the sum: {dollars(sum(open_usd), places)} more, if they hold"
        lines += flow(text, width, "  ")
    return lines


def _proven(now: bool | None, before: bool) -> bool:
    return before if now is None else now


def _sample(info: ReplayInfo, width: int) -> list[str]:
    """Predicted against measured dollars of the policy's own requests; tokens where those are free."""
    rows = {c.what: c for c in info.compared if c.arm == "policy"}
    money = rows.get("usd")
    if info.origin != ENDPOINT or not rows:
        return []
    if all(row.measured is None for row in rows.values()):
        why = next(iter(rows.values())).reason or "not known why"
        return flow(f"Sample, policy arm: not measured. {why}", width, "  ")
    lines: list[str] = []
    for found in (money, rows.get("input_tokens"), rows.get("output_tokens")):
        if found is None or (found is money and not found.measured and not found.predicted):
            continue
        if found is not money and lines and money is not None and money.measured:
            continue
        lines += flow(f"Sample, policy arm: {compared_words(found)}", width, "  ")
    return lines


def compared_words(found: Compared) -> str:
    """`predicted $11.20, measured $11.41 (+1.9 %, inside 95 % CI)`; where the interval leaves out what was
    predicted, the other half's ratios have moved it: then what they come to stands there too."""
    if found.measured is None:
        return f"{quantity(found.what)} not measured: {found.reason or 'not known why'}"
    text = f"predicted {figure(found.what, found.predicted)}, measured {figure(found.what, found.measured)}"
    said = [f"{found.diff_pct:+.1f} %"] if found.diff_pct is not None else []
    if found.inside is not None:
        place = f"{'inside' if found.inside else 'OUTSIDE'} 95 % CI"
        said.append(
            f"{place} around {figure(found.what, found.calibrated)}" if _moved(found) else place
        )
    unit = "" if found.what == "usd" else f" {quantity(found.what)}"
    return text + unit + (f" ({', '.join(said)})" if said else "")


def _moved(found: Compared) -> bool:
    ci, predicted = found.calibrated_ci95, found.predicted
    return ci is not None and predicted is not None and not ci[0] <= predicted <= ci[1]


def quantity(what: str) -> str:
    """`input tokens`, `dollars`."""
    words = {"usd": "dollars", "latency_ms": "latency, ms", "ttft_ms": "time to first token, ms"}
    return words.get(what) or what.replace("_", " ")


def figure(what: str, value: float | None) -> str:
    """Dollars or a count; `unknown` for what is not known."""
    if value is None:
        return "unknown"
    return dollars(value, places_for(value)) if what == "usd" else f"{value:,.0f}"


def _kept(info: ReplayInfo, width: int) -> list[str]:
    parts = []
    if info.evidence:
        parts.append("Evidence saved: the next projection uses it.")
    parts.append("Open loop: later steps of a session were not re-run.")
    if info.diff_path and info.worst:
        count = f"{len(info.worst)} disagreements" if len(info.worst) > 1 else "disagreement"
        parts.append(f"Worst {count}: {info.diff_path}")
    return flow(" ".join(parts), width)


def _notes(info: ReplayInfo, width: int, room: int) -> list[str]:
    """As many as there is room for."""
    lines: list[str] = []
    for i, text in enumerate(info.notes):
        block = flow(f"NOTE  {text}", width, "      ")
        rest = len(info.notes) - i
        if len(lines) + len(block) + (rest > 1) > room:
            more = [f"      and {plural(rest, 'more note')} (--json has all)"]
            return [*lines, *more] if len(lines) < room else lines
        lines += block
    return lines


def _next(info: ReplayInfo, width: int, again: str, policy: str, go_on: str) -> list[str]:
    parts = [go_on] if go_on else []
    if info.origin != ENDPOINT and not go_on:
        parts.append(f"costopt replay --base-url URL --plan-only{policy}{again}")
    parts.append(f"costopt simulate{policy}{again}")
    if "--no-store" not in again:  # a report is made of the result that the store keeps
        parts.append(f"costopt report --html r.html{again}")
    return packed("Next  ", parts, width)


def flow(text: str, width: int, indent: str = "") -> list[str]:
    """`wrap`, with each number's sign of per cent beside it."""
    joined = text.replace(" %", "\u00a0%")
    return [line.replace("\u00a0%", " %") for line in wrap(joined, width, indent)]


def span(seconds: float) -> str:
    """`0.4 s`, `6 m 12 s`, `2 h 5 m`."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} m {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} m"
