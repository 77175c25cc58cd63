"""No layers: the recorded bill, exactly. An empty edit: not a cent. Input = the sum of its leaves."""

from __future__ import annotations

import numpy as np
import pytest

from costopt.billing.meter import meter
from costopt.billing.prompt_cache.model import rebill_leaves
from costopt.engine.outcome import InProcess, outcome
from costopt.model.leaf import INPUT, OUTPUT
from costopt.model.view import View
from tests.laws.trials import Trial, each, same
from tests.laws.worlds import LawBook, World, worlds
from tests.layers.context import evaluator_of

WORLDS = [pytest.param(w, id=w.name) for w in worlds()]


@pytest.mark.parametrize("world", WORLDS)
def test_identity(world: World) -> None:
    """Calls priced one by one at the book's own date are what no layers come to."""
    evaluator = evaluator_of(world.trace, texts=world.texts, prices=LawBook())
    bill = meter(View.of(world.trace), LawBook(), at="as_of")
    priced = evaluator.priced(evaluator.state(()))
    assert np.array_equal(priced.net_pusd, np.where(bill.priced, bill.net_pusd, 0))
    assert not priced.overhead_pusd.any() and not priced.variance_pusd2.any()
    assert outcome(evaluator, ()).total_pusd == bill.net_pusd[bill.priced].sum()


@pytest.mark.parametrize("world", WORLDS)
def test_an_empty_edit_changes_no_cent(world: World) -> None:
    """A view of equal columns that are other objects is billed to the same leaves."""
    evaluator = evaluator_of(world.trace, texts=world.texts, prices=LawBook())
    before = evaluator.recorded
    copy = before.edited(leaves=before.leaves.copy(), sent=before.sent.copy())
    rebilled = rebill_leaves(before, copy, evaluator.model)
    assert np.array_equal(rebilled.leaves, before.leaves)
    assert not rebilled.touched.any() and not rebilled.variance.any()


@each
def test_an_effect_without_edits_is_empty(trial: Trial) -> None:
    """A column that holds what it held is no edit: leave it out."""
    effect, view, after = trial.effect(), trial.view(), trial.after()
    for column, value in effect.columns.items():
        assert not same(value, getattr(view, column.value)), f"{column} is an equal copy"
    if effect.is_empty:
        assert after is view
        assert effect.touched is None or not effect.touched.any()
        assert trial.evaluator.value(trial.layers) == trial.evaluator.value(trial.case.before)


@each
def test_input_is_the_sum_of_its_leaves(trial: Trial) -> None:
    """The prompt cache moves tokens among leaves; it makes none and loses none."""
    view = trial.after()
    rebilled = trial.evaluator.rebilled(view)
    assert (view.leaves >= 0).all() and (rebilled.leaves >= 0).all()
    assert np.array_equal(rebilled.leaves[:, INPUT].sum(axis=1), view.leaves[:, INPUT].sum(axis=1))
    assert np.array_equal(rebilled.leaves[:, OUTPUT], view.leaves[:, OUTPUT])


@each
def test_a_view_holds_together(trial: Trial) -> None:
    """Segments exist, offsets cover them, and a call once unsent is never sent again."""
    view, before = trial.after(), trial.view()
    for block in (view.request, view.response):
        assert len(block.ids) == len(block.flags) == block.offsets[-1]
        assert (block.lengths >= 0).all() and len(block.offsets) == view.trace.n + 1
        assert not len(block.ids) or 0 <= block.ids.min() <= block.ids.max() < len(view.segments)
    assert (view.made.tokens >= 0).all() and not (view.sent & ~before.sent).any()
    named = view.segments.name
    assert not len(named.codes) or named.codes.max() < len(named.values)


@each
def test_only_what_cost_something_can_save(trial: Trial) -> None:
    """Failed calls, gateway hits and calls without a price keep their 0; nobody is paid by a layer."""
    evaluator = trial.evaluator
    priced, base = evaluator.priced(evaluator.state(trial.layers)), evaluator.baseline
    assert not priced.net_pusd[~evaluator.known].any() and not base.net_pusd[~evaluator.known].any()
    assert (priced.net_pusd >= 0).all() and (priced.overhead_pusd >= 0).all()
    assert InProcess(evaluator).outcomes([trial.layers])[0].total_pusd == priced.total_pusd
