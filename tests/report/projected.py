"""A result with a projection of every kind of layer, written by hand; names may be hostile.

python -m tests.report.projected > tests/report/golden/projected.md    # after a change of words
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from costopt.model.result import AdviceItem, Projection, Result
from tests.report.sample import result

NO_RISK = {"metric": "none", "value": 0.0, "ci95": None, "basis": "none: same request"}
UNKNOWN = {"metric": "quality_loss", "value": None, "ci95": None, "basis": "unverified"}


def layer(name: str, step: float, touched: int = 9, **more: Any) -> dict[str, Any]:
    """A row of the projection as the engine writes it."""
    return {
        "layer": name, "settings": {}, "step_usd": step, "solo_usd": step + 0.1, "without_usd": 1.0,
        "shapley_usd": step, "shapley_se_usd": 0.0, "overhead_usd": 0.0, "calls_touched": touched,
        "evidence": {}, "risk": NO_RISK, "verified": True, "basis": "rule", "assumptions": [],
        "replay": "", "measured": [], "measured_run": None, "notes": [],
    } | more  # fmt: skip


def layers(name: str) -> list[dict[str, Any]]:
    """Steps sum to $1.50."""
    reach = {"metric": "reach_back_rate", "value": 0.019, "ci95": [0.016, 0.023],
             "basis": f"answers of 9 calls, {name}"}  # fmt: skip
    return [
        layer("semantic_cache", 0.5, evidence=_cache(name), overhead_usd=0.25, verified=False,
              basis="from_log", notes=[f"turn the ttl first {name}"],
              risk={"metric": "false_hit_rate", "value": 0.05, "ci95": [0.01, 0.14], "basis": "label 60"}),
        layer("route", 1.0, evidence=_route(name), risk=UNKNOWN, verified=False, basis="assumed",
              assumptions=[f"The target writes as much {name}."], replay="both models' answers."),
        layer("trim_tools", 0.75, evidence={"tokens_removed": 1234, "reach_back_rate": 0.019,
              "results_cut": 3, "calls_without_text": 1}, risk=reach, basis="from_log"),
        layer("window", -1.5, evidence={"tokens_removed": 1200, "reach_back_rate": 0.0}),
        layer("batch", 0.5, evidence={"eligible_calls": 12, "eligible_usd": 2.0, "too_deep": 2,
              "groups": [{"agent": name, "task": "", "why": "named in the policy", "calls": 12, "usd": 2.0}]},
              assumptions=["Nobody waits for these answers."]),
        layer("session_budget", 0.25, evidence={"sessions": 8, "stopped_sessions": 3, "stopped_calls": 7,
              "stopped_usd": 0.25, "ended_well": 1, "ended_unknown": 1, "first_stopped_step": 4},
              verified=False, basis="from_log"),
        layer("prompt_layout", 0.0, 0, solo_usd=-0.2, evidence={"moved_segments": 0, name: name},
              notes=["Nothing moves."], settings={"match": {"agent": [name]}, "pad": 0.25}),
    ]  # fmt: skip


def _cache(name: str) -> dict[str, Any]:
    points = [
        {"threshold": t, "hits": hits, "false_hits": false}
        for t, hits, false in ((0.9, 60, 3), (0.99, 0, 0))
    ]
    return {
        "eligible_calls": 200, "hits": 60, "hit_rate": 0.3, "false_hits": 3, "false_hit_rate": 0.05,
        "false_hit_ci95": [0.01, 0.14], "false_basis": f"label 60 {name}", "threshold": 0.9,
        "embedder": name, "curve": points,
        "kpi": {"target": 0.4, "retune_below": 0.2, "status": "below target"},
        "advice": [{"turn": "ttl", "to": "none", "hits": 90, "hit_rate": 0.45, "false_hit_rate": None}],
    }  # fmt: skip


def _route(name: str) -> dict[str, Any]:
    move = {"from": name, "to": "small", "tier": "simple", "output_ratio": 1.0,
            "output_basis": "from_log", "calls": 9}  # fmt: skip
    judged = {
        "judged_calls": 100, "moved_share": 0.5, "saved_share": 0.4, "always_large": 0.9,
        "always_small": 0.7, "routed": 0.88, "random_mixing": 0.82, "dearest_first": 0.8,
        "oracle": 0.95, "advantage": 0.06, "advantage_ci95": [0.01, 0.11],
        "verdict": "better than the line",
    }  # fmt: skip
    return {
        "asked_calls": 20, "moved_calls": 9, "moves": [move], "kept": {"no_price": 2, name: 1},
        "break_even": {"sessions": 3, "steps_per_session": 4.0, "extra_steps_per_session": 1.5,
                       "extra_late_steps_per_session": 0.5, "retries_per_moved_call": 2.0},
        "quality": {"simple": judged},
        "curve": [{"threshold": 0.5, **judged}, {"threshold": 0.2, **judged, "saved_share": 0.6}],
    }  # fmt: skip


def projected(name: str = "planner", **more: Any) -> Result:
    """The sample with its projection and with advice that was tried."""
    steps = [
        {"step": i, "and_later": i == 4, "calls": 8, "calls_after": 8 - (i == 4) * 8,
         "mean_input_tokens_before": 100.0 * i, "mean_input_tokens_after": None if i == 4 else 90.0 * i,
         "usd_before": 2.5, "usd_after": 2.125}
        for i in range(1, 5)
    ]  # fmt: skip
    found = Projection(
        name, "2026-11-09", 10.5, 10.0, 8.5, 1.5, 15.0, 0.75, 7.5, [12.0, 18.0],
        {"sampling": [13.0, 17.0], "cache_model": [14.0, 16.0], "assumptions": [14.5, 15.5]},
        layers(name), verified_ci95_pct=[5.0, 10.0], ci_basis="8 sessions",
        verdict="$0.75 saved, 7.5 % of $10.00.", notes=[f"a note {name}"],
        provider_cache_saved_usd=3.0, cache_residual_pp=1.5, cache_residual_usd=0.1, by_step=steps,
    )  # fmt: skip
    advice = [
        AdviceItem("window", "window", {}, -0.5, 0.0, 10.0, 6, {}, NO_RISK, True, []),
        AdviceItem(
            "batch", "batch", {}, 0.5, 0.0, 10.0, 6, {}, NO_RISK, True, [], "", f"part {name}"
        ),
        AdviceItem(name, "x", {}, None, 0.0, 0.0, 0, {}, {}, False, [], f"no model {name}"),
    ]
    return replace(result(name), projection=replace(found, **more), advice=advice)


if __name__ == "__main__":
    import sys

    from costopt.report.render.markdown import markdown_report

    sys.stdout.write(markdown_report(projected()))
