"""What a layer says of itself: sentences, numbers that JSON can hold, and a risk with its basis."""

from __future__ import annotations

import json
from typing import get_args

from costopt.model.effect import Basis, LayerReport
from tests.laws.trials import Trial, each


def sound(report: LayerReport) -> None:
    """All that holds for any report."""
    json.dumps(report.evidence, allow_nan=False)
    json.dumps(dict(report.settings), allow_nan=False)
    for sentence in (*report.assumptions, *report.notes):
        assert sentence.rstrip().endswith((".", "!", "?", "`")) and sentence == sentence.strip(), (
            sentence
        )
    assert report.basis in get_args(Basis)
    risk = report.risk
    assert risk.metric and risk.basis, "say what the risk was measured on, or that it was not"
    if risk.value is None:
        assert risk.ci95 is None
        assert not report.verified, "a risk that nobody measured is not verified"
    else:
        assert 0 <= risk.value <= 1
    if risk.ci95 is not None and risk.value is not None:
        low, high = risk.ci95
        assert 0 <= low <= risk.value <= high <= 1, f"{low} {risk.value} {high}"


@each
def test_reports_are_sound(trial: Trial) -> None:
    """Of what it did, of nothing done, and of counts that are all 0."""
    effect = trial.effect()
    report = trial.layer.report(effect.tally, effect.detail)
    sound(report)
    sound(trial.layer.report({}, {}))
    sound(trial.layer.report(dict.fromkeys(effect.tally, 0), {}))
    assert report == trial.layer.report(dict(effect.tally), dict(effect.detail))


@each
def test_parts_of_a_tally_are_reported_as_their_sum(trial: Trial) -> None:
    """A report reads counts, in whatever order and type of mapping they come."""
    effect = trial.effect()
    turned = dict(sorted(effect.tally.items(), reverse=True))
    assert trial.layer.report(turned, effect.detail) == trial.layer.report(
        effect.tally, effect.detail
    )
