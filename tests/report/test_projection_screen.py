"""The screen of a projection: hostile names, no layers, no interval, and the reason of a rise."""

from __future__ import annotations

import dataclasses
from typing import Any

from costopt.model.escape import width_of
from costopt.model.result import Projection
from costopt.report.render.projection import projection_screen, risk_text
from tests.report.sample import EVIL, result


def row(name: str, step: float, **more: Any) -> dict[str, Any]:
    risk = {"metric": "reach_back_rate", "value": 0.019, "ci95": [0.016, 0.023], "basis": "log"}
    return {
        "layer": name, "settings": {}, "step_usd": step, "solo_usd": step, "without_usd": 0.0,
        "shapley_usd": None, "shapley_se_usd": None, "overhead_usd": 0.0, "calls_touched": 3,
        "evidence": {}, "risk": risk, "verified": True, "basis": "from_log", "assumptions": [],
        "notes": [],
    } | more  # fmt: skip


def projection(layers: list[dict[str, Any]], **more: Any) -> Projection:
    saved = sum(r["step_usd"] for r in layers)
    found = Projection(
        "policy.yaml", "2026-11-09", 10.0, 10.0, 10.0 - saved, saved, 10 * saved, saved, 10 * saved,
        None, {}, layers, ci_reason="3 sessions; an interval needs 20",
    )  # fmt: skip
    return dataclasses.replace(found, **more)


def screen(found: Projection | None, width: int = 80) -> list[str]:
    lines = projection_screen(dataclasses.replace(result(), projection=found), width)
    assert max(map(width_of, lines)) <= width
    return lines


def test_without_layers_nothing_changes() -> None:
    text = "\n".join(screen(projection([], verdict="Nothing verified is saved.")))
    assert "BILL  $10.00 -> $10.00  saves $0.00" in text
    assert "The policy has no layers: nothing changes." in text
    assert "No 95 % interval: 3 sessions; an interval needs 20." in text
    assert screen(None) == ["No policy was simulated."]


def test_a_log_without_a_known_cost_is_unknown_not_zero() -> None:
    found = projection([row("batch", 0.0)], baseline_usd=0.0, projected_usd=0.0)
    log = result()
    bill = dataclasses.replace(log.bill, total_usd=0.0, unpriced_calls=log.trace.calls)
    lines = projection_screen(dataclasses.replace(log, bill=bill, projection=found))
    assert "  BILL  unknown" in lines and "$" not in "".join(lines)


def test_a_rise_is_shown_as_a_rise_with_its_reason() -> None:
    layers = [row("window", -1.5, evidence={"tokens_removed": 1200}), row("trim_tools", 0.5)]
    text = " ".join("\n".join(screen(projection(layers))).split())
    assert "BILL $10.00 -> $11.00 costs $1.00 MORE, 10 %" in text
    assert "DON'T window: costs $1.50 MORE: it sends 1,200 tokens less, but the provider's" in text


def test_unproven_layers_stand_beside_the_headline() -> None:
    layers = [row("trim_tools", 0.5), row("route", 3.0, verified=False)]
    layers[1]["risk"] = {"metric": "quality", "value": None, "ci95": None, "basis": "unverified"}
    found = projection(layers, verified_savings_usd=0.5, ci95_pct=[30.0, 41.0], ci_basis="40 sessions",
                       verified_ci95_pct=[4.0, 6.0], ci_parts={"sampling": [30.0, 41.0]})  # fmt: skip
    text = "\n".join(screen(found))
    assert "BILL  $10.00 -> $9.50  saves $0.50, 5 % [4.0, 6.0], verified" in text
    assert "      $10.00 -> $6.50  saves $3.50, 35 % [30.0, 41.0], if the unproven" in text
    assert risk_text(layers[0]) == "1.9 % (1.6-2.3)"
    assert risk_text(layers[1]) == "UNPROVEN"


def test_any_width_any_amount_and_hostile_text() -> None:
    evil = EVIL + "x" * 200
    layers = [
        row(f"layer_with_a_long_name_{i}", 1234567.891, assumptions=[evil], notes=[evil])
        for i in range(12)
    ]
    for width in (60, 80, 200):
        lines = screen(projection(layers, policy=evil, baseline_usd=2e7), width)
        assert "\x1b" not in "".join(lines)
        assert width < 80 or len(lines) <= 40
