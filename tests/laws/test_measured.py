"""Evidence of replays and every layer: each finds its own, and what is said with it stays sound."""

from __future__ import annotations

import dataclasses
from typing import Any

import orjson
import pytest

from costopt.engine.matched import Evidence, fits
from costopt.engine.measured import with_evidence
from costopt.engine.proof import METRIC
from costopt.engine.settings import setting_names, settings_of
from costopt.layers.base import Layer
from costopt.layers.discover import layer_class
from costopt.model.effect import LayerReport
from tests.laws.test_reports import sound
from tests.laws.trials import each_layer
from tests.layers.case import Case, cases

RATIOS = {
    "output_ratio": 1.2, "output_ratio_ci95": [1.1, 1.4], "outputs": 90, "input_ratio": 0.9,
    "truncated": 1, "truncated_of": 9,
}  # fmt: skip


def measured(layer: Layer, said: LayerReport, **more: Any) -> dict[str, Any]:
    """What a replay writes of a layer, as the store gives it back."""
    told = {
        "settings": settings_of(layer, said.settings), "run": 3, "at": "2026-11-25", "model": "",
        "replayed_answers": 90, "answers_differ": 3, "noise_answers": 80, "noise_differ": 4,
        "sessions": 30, "ci95": [-0.06, 0.05], **RATIOS, **more,
    }  # fmt: skip
    found: dict[str, Any] = orjson.loads(orjson.dumps(told))
    return found


def seen(case: Case) -> LayerReport:
    effect = case.evaluator().effect(case.layers)
    return case.layer.report(effect.tally, effect.detail)


@each_layer
def test_it_finds_what_was_measured_at_its_own_settings(name: str) -> None:
    """Through JSON, with the settings that it chose itself."""
    for case in cases(name)[:4]:
        said = seen(case)
        assert fits(case.layer, measured(case.layer, said), said.settings), case.id
        assert not fits(case.layer, {"settings": {}}, said.settings)


@each_layer
@pytest.mark.parametrize(
    "more",
    [
        {}, {"ci95": [-0.01, 0.01]}, {"ci95": [0.1, 0.3], "answers_differ": 20},
        {"model": "tiny", "mapped": True}, {"ci95": None, "noise_answers": 0, "noise_differ": 0},
        {"cached_answers": 50, "cached_differ": 9, "alone": False},
    ],
)  # fmt: skip
def test_what_is_said_with_evidence_is_sound(name: str, more: dict[str, Any]) -> None:
    for case in cases(name)[:4]:
        said = seen(case)
        known = Evidence({name: measured(case.layer, said, **more)}, ("m",))
        found = with_evidence(case.layer, said, known)
        sound(found)
        assert found.measured_run == (3 if found.measured else None)
        assert ("risk" in found.measured) == (found.risk.metric == METRIC), case.id
        if more.get("mapped"):
            assert found.verified <= said.verified, "a stand-in verifies nothing"
        other = Evidence({name: measured(case.layer, said, settings={"none": 1})}, ("m",))
        apart = with_evidence(case.layer, said, other)
        assert dataclasses.replace(apart, notes=said.notes) == said


@each_layer
def test_names_are_settings(name: str) -> None:
    """What limits it, what changes no request, and sentences that it really says."""
    layer = cases(name)[0].layer
    own = setting_names(layer)
    assert set(getattr(layer, "UNSENT", ())) <= set(own)
    limit = getattr(layer, "LIMIT", "")
    assert not limit or isinstance(getattr(layer, limit), float)
    said = {a for case in cases(name) for a in seen(case).assumptions}
    assert set(getattr(layer, "REPLAYED", ())) <= said | set(_not_told(name))


def _not_told(name: str) -> tuple[str, ...]:
    """Sentences that need more than a story shows: padding stands at the provider's minimum."""
    return ("Neutral text in the prompt changes no answer.",) if name == "prompt_layout" else ()


@each_layer
def test_every_layer_says_what_a_replay_measures(name: str) -> None:
    """In its report, of what it did, unless it comes from elsewhere."""
    told = [seen(case).replay for case in cases(name)]
    if layer_class(name).__module__.startswith("costopt."):
        assert all(told), f"{name}: `replay` is empty"
    assert all(text == text.strip() and not text.endswith(".") for text in told)
