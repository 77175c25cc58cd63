"""How a replay is worded, the same in every section."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from costopt.model.replayed import Agreement, ReplayInfo
from costopt.model.result import Result

NO_REPLAY = "no policy was replayed"
ONLY_PLANNED = "the replay was only planned: nothing was sent"
AGAINST_THE_LOG = "the replay asked the log, which measures nothing"
TESTS = {
    "exact": "the same text, white space aside", "json_equal": "equal JSON",
    "same_action": "the same tool and arguments, else equal JSON, else the same text",
    "similarity": "the same meaning, by embedding", "judge": "equally good, by a judge in both orders",
}  # fmt: skip
SAYS = {
    "keep": "keep", "drop": "DROP", "more": "more answers are needed",
    "not_measured": "not measured",
}  # fmt: skip
ARMS = {
    "policy": "under the policy", "baseline": "unchanged, the true answer",
    "noise": "unchanged, sent again", "layer": "one layer alone",
}  # fmt: skip


def replay_of(result: Result, *, measured: bool = False) -> ReplayInfo | str:
    """The replay, or why there is none. `measured`: one that asked a real endpoint."""
    info = result.replay
    if info is None:
        return NO_REPLAY
    if info.state == "planned":
        return ONLY_PLANNED
    if measured and info.origin == "recorded":
        return AGAINST_THE_LOG
    return info


def share_words(rate: float | None, ci: Sequence[float] | None) -> str:
    """`96.0 % (90.2 to 98.4)`; `—` where nothing was answered."""
    if rate is None:
        return "—"
    return f"{100 * rate:.1f} %" + (f" ({100 * ci[0]:.1f} to {100 * ci[1]:.1f})" if ci else "")


def excess_words(found: Agreement) -> str:
    """`+2.1 pp (-0.4 to 4.9)` of disagreement above the noise floor."""
    if found.excess_pp is None:
        return "—"
    ci = found.excess_ci95_pp
    return f"{found.excess_pp:+.1f} pp" + (f" ({ci[0]:.1f} to {ci[1]:.1f})" if ci else "")


def measured_words(value: Any, unit: str) -> str:
    """A quantity by its unit; `—` for what was not measured."""
    if value is None:
        return "—"
    if not isinstance(value, (int, float)):
        return str(value)
    if unit == "share":
        return f"{100 * value:.1f} %"
    if unit == "ratio":
        return f"x{value:.2f}"
    return f"{value:,.4g}" + (f" {unit}" if unit else "")
