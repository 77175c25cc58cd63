"""A layer is pure, edits only what it declares, and leaves alone what it has no business with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from costopt.layers.base import Partition, partition_of
from costopt.model.effect import Effect
from costopt.model.view import Column
from tests.laws.trials import Trial, arrays, changed_rows, each, same


def equal_effects(a: Effect, b: Effect) -> bool:
    """The same edits, rows, overhead and counts."""
    assert set(a.columns) == set(b.columns)
    assert all(same(a.columns[c], b.columns[c]) for c in a.columns)
    for name in ("touched", "at_risk"):
        assert np.array_equal(getattr(a, name), getattr(b, name)), name
    for x, y in zip(a.charges, b.charges, strict=True):
        assert (x.what, x.provider, x.model) == (y.what, y.provider, y.model)
        assert np.array_equal(x.rows, y.rows) and np.array_equal(x.leaves, y.leaves)
    for f, g in zip(a.fees, b.fees, strict=True):
        assert (f.what, f.source) == (g.what, g.source)
        assert np.array_equal(f.rows, g.rows) and np.array_equal(f.pusd, g.pusd)
    assert dict(a.tally) == dict(b.tally)
    return True


@each
def test_purity(trial: Trial) -> None:
    """The view is sealed while the layer looks, unchanged after, and the second look sees the same."""
    view, evaluator = trial.view(), trial.evaluator
    everything = [*arrays(view), *arrays(view.trace.request), *arrays(view.trace.response)]
    for array in everything:
        array.flags.writeable = False
    before = [a.tobytes() for a in everything]
    first = trial.layer.apply(view, evaluator.prices, evaluator.handed)
    second = trial.layer.apply(view, evaluator.prices, evaluator.handed)
    assert [a.tobytes() for a in everything] == before
    assert equal_effects(first, second) and equal_effects(first, trial.effect())
    assert trial.layer.report(first.tally, first.detail) == trial.layer.report(
        second.tally, second.detail
    )


@each
def test_touches(trial: Trial) -> None:
    """Only declared columns, and `touched` names the calls that are otherwise, or were charged for."""
    effect, view = trial.effect(), trial.view()
    assert set(effect.columns) <= trial.layer.touches
    changed = changed_rows(view, trial.after())
    touched = np.zeros(view.trace.n, np.bool_) if effect.touched is None else effect.touched
    assert touched.shape == changed.shape and touched.dtype == np.bool_
    assert not (changed & ~touched).any(), (
        f"changed but not told: {np.flatnonzero(changed & ~touched)}"
    )
    paid = changed.copy()
    for charge in effect.charges:
        paid[charge.rows] = True
    for fee in effect.fees:
        paid[fee.rows] = True
    assert not (touched & ~paid).any(), f"told but not changed: {np.flatnonzero(touched & ~paid)}"
    if effect.at_risk is not None:
        assert effect.at_risk.dtype == np.bool_
        assert not (effect.at_risk & ~touched).any(), "only a touched call can be at risk"


@each
def test_others_are_left_alone(trial: Trial) -> None:
    """Calls that were not sent, failed or have no price stay as they are; so do requests without blocks."""
    view, after = trial.view(), trial.after()
    changed = changed_rows(view, after)
    off = changed & ~(trial.evaluator.known & view.sent)
    assert not off.any(), f"touched {np.flatnonzero(off)}"
    bare = ~view.trace.has_content
    assert not after.request.lengths[bare].any() and not after.response.lengths[bare].any()
    assert Column.REQUEST in trial.layer.touches or same(after.request, view.request)


@each
def test_tallies_are_counts(trial: Trial) -> None:
    """Plain integers that are not negative, so that parts can be added and written as JSON."""
    effect = trial.effect()
    for name, value in effect.tally.items():
        assert type(value) is int and value >= 0, f"{name} is {value!r}"
    if partition_of(trial.layer) is not Partition.WHOLE:
        assert not effect.detail, "what is no sum cannot come from parts"
    for charge in effect.charges:
        assert len(charge.rows) == len(charge.leaves) and (charge.leaves >= 0).all()
        assert (
            not len(charge.rows)
            or 0 <= charge.rows.min() <= charge.rows.max() < trial.view().trace.n
        )
    for fee in effect.fees:
        assert len(fee.rows) == len(fee.pusd) and (fee.pusd >= 0).all() and fee.source


@each
def test_neutral_settings_do_nothing(trial: Trial) -> None:
    """Whatever the other settings are."""
    neutral = type(trial.layer).NEUTRAL
    assert neutral, "name the settings under which the layer does nothing"
    layers = (*trial.case.before, replace(trial.layer, **neutral))  # type: ignore[type-var]
    effect = trial.evaluator.effect(layers)
    assert effect.is_empty, f"{sorted(effect.columns)}, {effect.tally}"
    assert trial.evaluator.value(layers) == trial.evaluator.value(trial.case.before)
