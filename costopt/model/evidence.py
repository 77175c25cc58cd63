"""What replays measured, put together: runs of the same layer, settings and model add up by their counts.

An entry is what one replay measured of one layer: `{settings, run, at, model, replayed_answers,
answers_differ, ..., output_ratio, ...}`. What was measured of the log as a whole stands under `WHOLE_LOG`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Entry = Mapping[str, Any]
Interval = tuple[float, float]
WHOLE_LOG = "*"
OTHERS = "others"
"""In an entry: those of the same layer at other settings or of another model, the newest first."""
COUNTS = (
    "replayed_answers", "answers_differ", "noise_answers", "noise_differ", "cached_answers",
    "cached_differ", "truncated", "truncated_of", "outputs", "inputs", "judged",
)  # fmt: skip
RATIOS = {
    "output_ratio": "outputs", "input_ratio": "inputs", "reasoning_ratio": "outputs",
    "quality_loss": "judged",
}  # fmt: skip
"""A ratio to the count that it is an average over."""
_INTERVALS = {"quality_loss": "quality_ci95"}


def entries_of(found: Entry) -> list[Entry]:
    """All that is known of a layer, the newest first. Nothing known: none."""
    if not found:
        return []
    own = {k: v for k, v in found.items() if k != OTHERS}
    return [own, *found.get(OTHERS, ())]


def with_others(entries: Sequence[Entry]) -> dict[str, Any]:
    """The newest with the others inside it. `entries`: the newest first, at least one."""
    first, *others = entries
    return {**first, OTHERS: others} if others else dict(first)


def together(entries: Sequence[Entry]) -> dict[str, Any]:
    """One entry from those of several runs, the oldest first; what is no count or ratio: the newest's.

    Each run's answers count as new ones. Sessions do not add up, and no interval becomes narrower than
    those of its runs: two runs may have asked of the same calls.
    """
    if len(entries) == 1:
        return dict(entries[0])
    out = {k: v for e in entries for k, v in e.items()}
    for name in COUNTS:
        if any(name in e for e in entries):
            out[name] = sum(int(e.get(name) or 0) for e in entries)
    for name, count in RATIOS.items():
        out |= ratio_of_all(entries, name, count)
    out |= _excess(entries)
    if any("sessions" in e for e in entries):
        out["sessions"] = max(int(e.get("sessions") or 0) for e in entries)
    if any("moves" in e for e in entries):
        out["moves"] = _moves([e.get("moves", {}) for e in entries])
    if any("alone" in e for e in entries):
        out["alone"] = all(e.get("alone", True) for e in entries)
    out.pop("noise_rate", None)  # the newest's alone
    out["runs"] = [r for e in entries for r in runs_of(e)]
    return out


def whole_log_together(entries: Sequence[Entry]) -> dict[str, Any]:
    """The same of what was measured of the log as a whole."""
    out = {k: v for e in entries for k, v in e.items()}
    if len(entries) == 1:
        return out
    if any("cache_by_gap" in e for e in entries):
        out["cache_by_gap"] = _gaps([row for e in entries for row in e.get("cache_by_gap", ())])
    models: dict[str, dict[str, Any]] = {}
    for name, row in ((n, r) for e in entries for n, r in e.get("models", {}).items()):
        known = models.get(name)
        alike = known is not None and known.get("served") == row.get("served")
        models[name] = _model(known, row) if known is not None and alike else dict(row)
    out["models"] = models
    out["runs"] = [r for e in entries for r in runs_of(e)]
    return out


def runs_of(entry: Entry) -> list[int]:
    """Numbers of the replays behind it, the oldest first."""
    if "runs" in entry:
        return [int(r) for r in entry["runs"]]
    return [int(entry["run"])] if entry.get("run") is not None else []


def excess(entry: Entry) -> tuple[float, int, int, int, int] | None:
    """(disagreement above the noise floor, answers, differing, noise answers, differing); None: no answer.

    The disagreement as the replay weighed it, else by the counts. Of a cache its own answers are counted,
    against those that the model gives now.
    """
    names = ("cached_answers", "cached_differ") if entry.get("cached_answers") else COUNTS[:2]
    n, k, n0, k0 = (int(entry.get(x) or 0) for x in (*names, "noise_answers", "noise_differ"))
    if not n:
        return None
    weighed = entry.get("excess")
    value = k / n - (k0 / n0 if n0 else 0.0) if weighed is None else float(weighed)
    return value, n, k, n0, k0


def _excess(entries: Sequence[Entry]) -> dict[str, Any]:
    """The excess over all runs by their answers, with its interval where every run has one."""
    some = [(e, found) for e in entries if (found := excess(e)) is not None]
    if not some:
        return {}
    if any(not e.get("ci95") for e, _ in some):
        return {"excess": None, "ci95": None}
    value = sum(found[0] * found[1] for _, found in some) / sum(found[1] for _, found in some)
    parts = [(found[0], tuple(e["ci95"]), found[1]) for e, found in some]
    return {"excess": value, "ci95": _pooled(value, parts)}


def ratio_of_all(entries: Sequence[Entry], name: str, count: str) -> dict[str, Any]:
    """The ratio by its counts, with its interval where all have one. No entry has it: empty."""
    some = [(float(e[name]), e, _weight(e, count)) for e in entries if e.get(name) is not None]
    if not some:
        return {}
    total = sum(weight for _, _, weight in some)
    value = sum(ratio * weight for ratio, _, weight in some) / total
    key = _INTERVALS.get(name, f"{name}_ci95")
    if any(not e.get(key) for _, e, _ in some):
        return {name: value, key: None}
    return {name: value, key: _pooled(value, [(r, tuple(e[key]), w) for r, e, w in some])}


def _weight(entry: Entry, count: str) -> int:
    return int(entry.get(count) or entry.get("replayed_answers") or entry.get("n") or 1)


def _pooled(value: float, parts: Sequence[tuple[float, Any, int]]) -> list[float]:
    """The interval around `value` of a weighted mean of (value, interval, weight).

    Samples of one log begin with the same calls, so runs are no independent trials: errors add up as they
    are, not in squares. Asking the same calls again makes nothing surer.
    """
    total = sum(weight for _, _, weight in parts)
    below = sum(w / total * (v - ci[0]) for v, ci, w in parts)
    above = sum(w / total * (ci[1] - v) for v, ci, w in parts)
    return [value - below, value + above]


def _moves(found: Sequence[Mapping[str, Entry]]) -> dict[str, Any]:
    """Of a router: each move by itself."""
    names = dict.fromkeys(name for moves in found for name in moves)
    return {name: together([m[name] for m in found if name in m]) for name in names}


def _model(known: Entry, row: Entry) -> dict[str, Any]:
    """Ratios of a model's unchanged requests, of two runs."""
    out = {**known, **row, "n": sum(int(e.get("n") or 1) for e in (known, row))}
    for name in ("input_ratio", "output_ratio"):
        out |= ratio_of_all((known, row), name, "n")
    return out


def _gaps(rows: Sequence[Entry]) -> list[dict[str, Any]]:
    """Cached shares by the time since the last request: one row a gap, by their calls."""
    by_gap: dict[float | None, list[Entry]] = {}
    for row in rows:
        if row.get("predicted_share") is not None and row.get("measured_share") is not None:
            by_gap.setdefault(row.get("gap_s"), []).append(row)
    out = []
    for gap, mine in sorted(by_gap.items(), key=lambda g: (g[0] is None, g[0] or 0.0)):
        calls = sum(int(r["calls"]) for r in mine)
        if calls:
            out.append({"gap_s": gap, "calls": calls, **_shares(mine, calls)})
    return out


def _shares(rows: Sequence[Entry], calls: int) -> dict[str, float]:
    return {
        name: sum(float(r[name]) * int(r["calls"]) for r in rows) / calls
        for name in ("predicted_share", "measured_share")
    }
