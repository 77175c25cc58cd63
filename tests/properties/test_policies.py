"""Policies at their ends over logs that lack something: sums that agree, and words, never a traceback."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from costopt.errors import CostoptError, InputError
from costopt.layers.discover import layer_names
from tests.properties.policies import EXTREMES, LOGS, policy_text, simulated

HEAVY = ("compress",)
"""Need a model on the disk, and do nothing without."""


def policy(*layers: Any) -> dict[str, Any]:
    return {"version": 1, "layers": list(layers)}


def test_every_layer_is_drawn() -> None:
    assert set(EXTREMES) == set(layer_names()) - set(HEAVY)


@pytest.mark.parametrize("log", [name for name in LOGS if name != "no call"])
def test_two_drawn_policies_over_each_odd_log(log: str, tmp_path: Path) -> None:
    """`scripts/fuzz_policies.py` draws more."""
    for layers in (2, 5):
        simulated(LOGS[log](), policy_text(random.Random(f"{log} {layers}"), layers), tmp_path)


def test_more_layers_than_there_are_kinds_and_some_of_them_twice(tmp_path: Path) -> None:
    names = [*EXTREMES, "window", "window", "trim_tools", "exact_cache"]
    found = simulated(LOGS["sample"](), policy(*names), tmp_path)
    assert len(found["layers"]) == len(names) > 13
    again = found["layers"][len(EXTREMES) + 1]
    assert again["layer"] == "window" and again["step_usd"] == 0, "the third time nothing is left"


def test_a_log_without_a_call_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no call in it: 3 records"):
        simulated(LOGS["no call"](), policy("window"), tmp_path)


def test_one_session_has_no_interval_and_says_why(tmp_path: Path) -> None:
    found = simulated(LOGS["one session"](), policy({"window": {"turns": 1}}), tmp_path)
    assert found["ci95_pct"] is None and "1 session with" in found["ci_reason"]
    assert found["savings_pct"] is not None


@pytest.mark.parametrize("log", ["no price", "no usage, no text", "all failed"])
def test_where_nothing_was_paid_nothing_is_saved(log: str, tmp_path: Path) -> None:
    layers = [
        {"window": {"turns": 1}},
        {"session_budget": {"usd": 0}},
        {"output": {"max_tokens": 1}},
    ]
    found = simulated(LOGS[log](), policy(*layers), tmp_path)
    assert found["baseline_usd"] == found["savings_usd"] == found["verified_savings_usd"] == 0
    assert found["savings_pct"] is None and found["ci95_pct"] is None
    assert found["ci_reason"] == "the baseline is $0" and found["verdict"].startswith("Nothing to")


@pytest.mark.parametrize(
    "off",
    [
        {"semantic_cache": {"threshold": 1.5}}, {"exact_cache": {"ttl": 0}},
        {"semantic_cache": {"ttl": 0, "threshold": 0.5}}, {"batch": {"deadline": 0}},
        {"window": {"turns": 1_000_000_000}}, {"session_budget": {"usd": 1e12}},
    ],
    ids=str,
)  # fmt: skip
def test_settings_that_switch_a_layer_off_cost_nothing(off: dict[str, Any], tmp_path: Path) -> None:
    found = simulated(LOGS["sample"](), policy(off), tmp_path)
    assert found["savings_usd"] == 0 and found["layers"][0]["overhead_usd"] == 0


def test_a_budget_of_nothing_sends_nothing(tmp_path: Path) -> None:
    """The call that goes over is paid, but there is nothing to go over."""
    found = simulated(LOGS["sample"](), policy({"session_budget": {"usd": 0}}), tmp_path)
    assert found["projected_usd"] == 0 and found["savings_pct"] == 100
    assert found["verified_savings_usd"] == 0, "sessions that ended well were stopped"


def test_a_setting_beyond_its_ends_is_refused_in_words(tmp_path: Path) -> None:
    for layer, said in (
        ({"window": {"turns": 0}}, "turns"), ({"exact_cache": {"capacity": 0}}, "capacity"),
        ({"session_budget": {"usd": -1}}, "usd"), ({"output": {"max_tokens": 0}}, "max_tokens"),
    ):  # fmt: skip
        with pytest.raises(CostoptError, match=said):
            simulated(LOGS["one call"](), policy(layer), tmp_path)
