"""Predicted against measured: tokens, dollars and times of the half of the sample that wrote no evidence."""

from __future__ import annotations

from costopt.model.replayed import Compared, ReplayInfo
from costopt.model.result import Result
from costopt.model.secrets import masked
from costopt.report.card import Card, Cell, NotApplicable, Table
from costopt.report.policy_words import figures
from costopt.report.replay_words import ARMS, replay_of
from costopt.report.words import dollars, places_for

ORDER = 22
NAME, TITLE = "replay_predicted", "Predicted against measured"
WHAT = {
    "usd": "dollars", "latency_ms": "latency, ms a call", "ttft_ms": "time to first token, ms a call",
    "input_tokens": "input tokens", "cache_read_tokens": "cached input tokens",
    "output_tokens": "output tokens",
}  # fmt: skip


def build(result: Result) -> Card | NotApplicable:
    """One row a quantity and arm; what was not measured says why."""
    info = replay_of(result, measured=True)
    if isinstance(info, str):
        return NotApplicable(NAME, TITLE, info)
    if not info.compared:
        return NotApplicable(NAME, TITLE, "no answer of the judging half came back")
    rows = [_row(found) for found in info.compared]
    table = Table(
        "Totals of the judging half", ("what", "arm", "calls", "predicted", "measured", "difference",
                                       "by the other half", "95 % interval", "inside", "rests on"),
        ("text", "text", "count", *("text",) * 7), rows,
    )  # fmt: skip
    notes = [
        "Half of the sample writes the evidence (ratios of measured to projected tokens), the other half, "
        "which is shown here, judges it: no row does both.",
        "Predicted is the projection as it stood before; by the other half is the same times those ratios.",
        "The interval is the ratios' own spread over sessions; it says nothing of another day or model.",
    ]
    return Card(NAME, TITLE, _lead(info.compared), tables=[table, *_counters(info)], notes=notes)


def _counters(info: ReplayInfo) -> list[Table]:
    """A self-hosted server's own, after the run less before it; none where it has no such page."""
    rows: list[tuple[Cell, ...]] = [(name, value) for name, value in figures(info.endpoint_metrics)]
    if not rows:
        return []
    return [Table("What the server counted meanwhile", ("what", "value"), ("text", "text"), rows)]


def _lead(rows: list[Compared]) -> str:
    money = next((c for c in rows if c.what == "usd" and c.arm == "policy"), None)
    if money is None or money.measured is None or money.predicted is None:
        why = money.reason if money is not None else "no request of the policy was answered"
        return f"The policy's dollars were not measured: {masked(why)}."
    said = "" if money.diff_pct is None else f" ({money.diff_pct:+.1f} %)"
    place = {True: ", inside the interval", False: ", outside the interval", None: ""}[money.inside]
    return (
        f"The policy's requests were predicted to cost {_figure('usd', money.predicted)} and cost "
        f"{_figure('usd', money.measured)}{said}{place}."
    )


def _row(found: Compared) -> tuple[Cell, ...]:
    ci = found.calibrated_ci95
    return (
        WHAT.get(found.what, found.what), ARMS.get(found.arm, found.arm), found.calls,
        _figure(found.what, found.predicted), _figure(found.what, found.measured),
        "—" if found.diff_pct is None else f"{found.diff_pct:+.1f} %",
        _figure(found.what, found.calibrated),
        f"{_figure(found.what, ci[0])} to {_figure(found.what, ci[1])}" if ci else "—",
        {True: "yes", False: "NO", None: "—"}[found.inside],
        masked(found.reason or found.basis),
    )  # fmt: skip


def _figure(what: str, value: float | None) -> str:
    if value is None:
        return "—"
    return dollars(value, places_for(value)) if what == "usd" else f"{value:,.0f}"
