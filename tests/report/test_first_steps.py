"""DO FIRST sums to what it says, names findings and risks; DON'T says what advice would cost."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from costopt.model.escape import width_of
from costopt.model.result import REPLAYED, AdviceItem, FindingItem, Projection, Result
from costopt.report.render.terminal import audit_screen
from tests.report.sample import EVIL, result

RISK = {"metric": "none", "value": 0.0, "ci95": None, "basis": "none"}
REACH = {"metric": "reach_back_rate", "value": 0.019, "ci95": [0.016, 0.023], "basis": "answers"}


def row(layer: str, usd: float | None, risk: dict[str, Any] = RISK, **settings: Any) -> Any:
    return {
        "layer": layer, "settings": settings, "step_usd": usd or 1.0, "verified_step_usd": usd,
        "calls_touched": 9, "overhead_usd": 0.0, "risk": risk, "verified": usd is not None,
        "evidence": {},
    }  # fmt: skip


LAYERS = [
    row("exact_cache", 0.011, ttl=3600.0),
    row("trim_tools", 0.8, REACH, max_tokens=4000),
    row("prompt_layout", 1.477),
    row("batch", 0.233, deadline=86400.0, match={"agent": ["nightly-digest"]}),
]


def projection(layers: list[Any], verdict: str = "$2.52 saved.", **more: Any) -> Projection:
    saved = sum(r["verified_step_usd"] or 0.0 for r in layers)
    return replace(
        Projection("safe defaults", "2026-11-01", 10.0, 10.0, 10.0 - saved, saved, 10 * saved,
                   saved, 10 * saved, [22.1, 27.6], {}, layers, [22.1, 27.6]),
        verdict=verdict, **more,
    )  # fmt: skip


def finding(id: str, layer: str | None, usd: float, title: str = "") -> FindingItem:
    return FindingItem(
        id, "kind", title or f"agent: waste {id}", usd, usd / 10, 9, 3, "Mend it.", layer
    )


def made(found: Projection, **more: Any) -> Result:
    findings = [
        finding("F1", "prompt_layout", 2.0), finding("F2", "trim_tools", 1.0),
        finding("F3", None, 0.5), finding("F4", "prompt_layout", 0.1),
    ]  # fmt: skip
    return replace(result(), **({"projection": found, "findings": findings} | more))


def screen(shown: Result, width: int = 80) -> str:
    return "\n".join(audit_screen(shown, width))


def advice(name: str, usd: float | None, **more: Any) -> AdviceItem:
    item = AdviceItem(name, name, {}, usd, 0.0, 10.0, 5, {}, RISK, False, [])
    return replace(item, **more)


def test_the_rows_are_one_waterfall_and_sum_to_what_is_saved_together() -> None:
    text = screen(made(projection(LAYERS)))
    block = text[text.index("DO FIRST") : text.index("Bill ")]
    *rows, total = [round(100 * float(x)) for x in re.findall(r"\$(\d+\.\d\d) ", block)]
    assert len(rows) == 4  # three layers, and the rest of the policy
    assert sum(rows) == total == 252
    assert "and exact_cache" in block
    assert "Bill $10.00 -> $7.48 projected, not yet replayed" in text
    assert "[22.1, 27.6]" in text


def test_rows_stand_by_dollars_with_their_finding_their_layer_and_their_risk() -> None:
    lines = screen(made(projection(LAYERS))).splitlines()
    first = next(i for i, x in enumerate(lines) if x.startswith("DO FIRST"))
    assert lines[first + 1].startswith("F1 agent: waste F1") and "none" in lines[first + 1]
    assert "prompt_layout: stable parts first" in lines[first + 2] and "F4" in lines[first + 2]
    assert "F2" in lines[first + 3] and "1.9 % (1.6-2.3)" in lines[first + 3]
    assert "trim_tools: cut tool results over 4,000 tokens" in lines[first + 4]
    assert lines[first + 5].startswith("batch: nightly-digest through the batch")
    assert "none, up to 24 h" in lines[first + 5]


def test_a_narrow_screen_has_the_risk_below() -> None:
    text = screen(made(projection(LAYERS)), 60)
    assert "   risk 1.9 % (1.6-2.3) · trim_tools: cut tool results over" in text
    assert "95 % interval [22.1, 27.6]" in text


def test_what_no_layer_mends_and_what_is_unproven_stands_beside() -> None:
    layers = [row("prompt_layout", 1.0), row("trim_tools", None, REACH, max_tokens=10)]
    text = screen(made(projection(layers)))
    assert "BY HAND F3 agent: waste F3: up to $0.50" in text
    assert "TO TEST F2 agent: waste F2: up to $1.00 by trim_tools, unproven" in text
    assert "trim_tools: cut" not in text


def test_what_a_replay_left_unproven_names_the_replay() -> None:
    told = "replay 1 (2026-11-25): 24 of 24 answers differ, 12 of 12 when the same is asked twice"
    mine = replace(finding("F2", "trim_tools", 1.0), evidence={REPLAYED: told})
    text = screen(made(projection([row("prompt_layout", 1.0)]), findings=[mine]))
    said = " ".join(text.split())
    assert f"up to $1.00 by trim_tools, unproven; {told}" in said


@pytest.mark.parametrize("said", [
    "Nothing verified is saved. The provider's prompt cache already serves 84 % of the input.",
    "No saving is shown: the prompt-cache model's own error, $1.00, is not smaller than $0.50.",
])  # fmt: skip
def test_where_nothing_is_shown_no_dollars_stand_under_do_first(said: str) -> None:
    layers = LAYERS if said.startswith("No ") else []
    text = screen(made(projection(layers, said)))
    assert f"DO FIRST  {said[:20]}" in text
    assert "Together" not in text


def test_little_left_to_save_is_said_below_the_rows() -> None:
    said = "Little left to save: $0.01, 0.1 %."
    text = screen(made(projection([row("exact_cache", 0.01, ttl=3600.0)], said)))
    assert "exact_cache: the same request again" in text
    assert said in text


def test_a_sample_is_said() -> None:
    words = "5,000 of 99,000 calls, 30 whole sessions drawn by seed 0"
    text = " ".join(screen(made(projection(LAYERS, sampled=words))).split())
    assert "tried on 5,000 of 99,000 calls, 30 whole sessions, scaled" in text


def test_dont_names_what_costs_more_and_what_is_unproven() -> None:
    tried = [
        advice("window", -2.87, settings={"turns": 8}),
        advice("semantic_cache", 0.1, evidence={"eligible_calls": 250, "hits": 1}),
        advice("semantic_cache_usual", 0.2, evidence={"hits": 25, "false_hit_rate": 0.8}),
        advice("routing", 3.0, settings={"tiers": {"simple": "gpt-4o-mini"}}),
        advice("tool_outputs", 1.0, settings={"max_tokens": 2000}, risk=REACH),
        advice("batch", -0.001),
        advice("prefix_caching", None, reason="The layer is not there."),
    ]
    text = " ".join(screen(made(projection(LAYERS), advice=tried)).split())
    assert "DON'T window of 8 turns: costs $2.87 MORE (it breaks the cache)" in text
    assert "semantic cache: 0.4 % safe hits (at 0.95 10 %, 80 % of them wrong)" in text
    assert "UNPROVEN gpt-4o-mini for simple calls, $3.00" in text
    assert "· tool results cut to 2,000 tokens, $1.00: 1.9 % use what is cut" in text
    assert "in batches" not in text  # a hundredth of a percent is no harm


@pytest.mark.parametrize("width", [60, 80, 140])
@pytest.mark.parametrize("name", ["planner", EVIL, "規劃者" * 20])
def test_it_fits_and_nothing_of_a_log_acts_on_the_terminal(width: int, name: str) -> None:
    layers = [*LAYERS[:3], row("batch", 0.2, deadline=86400.0, match={"agent": [name]})]
    tried = [advice("window", -2.87, settings={"turns": 8}),
             advice("routing", 3.0, settings={"tiers": {"simple": name}})]  # fmt: skip
    found = [finding("F1", "prompt_layout", 2.0, name), finding("F2", None, 1.0, name)]
    lines = audit_screen(made(projection(layers), findings=found, advice=tried), width, 9.9)
    assert all(width_of(line) <= width for line in lines)
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e]", "".join(lines))
    if width == 80:
        assert len(lines) <= 40
