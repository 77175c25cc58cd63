"""v(S): no layers is the baseline, an empty edit is no edit, and sharing states changes nothing."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from costopt.billing.marginal import read_discount_pusd
from costopt.billing.meter import meter
from costopt.engine.evaluate import Evaluator, Layers
from costopt.engine.merge import BrokenLayer
from costopt.engine.outcome import InProcess, outcome
from costopt.layers.base import Artifacts
from costopt.model.call import UsageState
from costopt.model.effect import Effect
from costopt.model.leaf import INPUT
from costopt.model.trace import Ragged
from costopt.model.view import Column, View
from costopt.money import exact_sum
from costopt.prices.contract import PriceBook
from tests.engine.stories import calls_of
from tests.engine.toys.base import Toy
from tests.engine.toys.last_segments import LastSegments
from tests.engine.toys.other_model import OtherModel
from tests.engine.toys.same_request import SameRequest
from tests.engine.toys.shorter_output import ShorterOutput
from tests.layers.context import evaluator_of

LAYERS: Layers = (
    SameRequest(fee_pusd=7), OtherModel(), LastSegments(2), ShorterOutput(0.5)
)  # fmt: skip


class CopiesEverything(Toy):
    """An edit that puts equal columns in place of the old ones."""

    touches = frozenset(Column)

    def apply(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Effect:
        block = view.request
        copy = Ragged(block.offsets.copy(), block.ids.copy(), block.flags.copy())
        return Effect({Column.REQUEST: copy, Column.SENT: view.sent.copy(),
                       Column.LEAVES: view.leaves.copy()})  # fmt: skip


def test_no_layers_is_the_bill_of_the_recorded_calls() -> None:
    evaluator = evaluator_of(calls_of(12))
    bill = meter(View.of(evaluator.trace), evaluator.prices, at="as_of")
    assert evaluator.value(()) == bill.total_pusd
    assert np.array_equal(evaluator.baseline.net_pusd, bill.net_pusd)
    assert not evaluator.baseline.variance_pusd2.any()
    assert outcome(evaluator, ()).calls == evaluator.trace.n


def test_an_empty_edit_changes_no_cent() -> None:
    evaluator = evaluator_of(calls_of(12))
    for layers in ((CopiesEverything(),), (CopiesEverything(), CopiesEverything())):
        priced = evaluator.priced(evaluator.state(layers))
        assert np.array_equal(priced.all_pusd, evaluator.baseline.all_pusd)
        assert not priced.variance_pusd2.any() and not priced.exposed_pusd.any()


def test_an_empty_edit_between_layers_changes_no_cent() -> None:
    evaluator = evaluator_of(calls_of(12))
    with_copies = tuple(x for layer in LAYERS for x in (CopiesEverything(), layer))
    assert evaluator.value(with_copies) == evaluator.value(LAYERS)


@pytest.mark.parametrize("kept", [0, 1 << 30])
def test_sharing_states_gives_what_each_list_gives_alone(
    kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every order of the layers, asked of one evaluator and each of a new one."""
    monkeypatch.setattr("costopt.engine.evaluate.KEPT_BYTES", kept)
    monkeypatch.setattr("costopt.engine.evaluate.PRICED_BYTES", kept)
    calls = calls_of(8)
    shared = evaluator_of(calls)
    lists = [order[:k] for order in permutations(LAYERS[:3]) for k in range(4)]
    together = [shared.value(layers) for layers in lists]
    assert together == [evaluator_of(calls).value(layers) for layers in lists]


def test_layers_without_effect_are_not_priced_again() -> None:
    evaluator = evaluator_of(calls_of(8))
    idle = (ShorterOutput(1.0), OtherModel("nowhere"), LastSegments(10_000))
    assert evaluator.state(idle).view is evaluator.recorded
    mixed = evaluator.state((idle[0], LAYERS[2], idle[1]))
    assert mixed is evaluator.state((LAYERS[2],))
    assert evaluator.priced(mixed) is evaluator.priced(evaluator.state((LAYERS[2], idle[2])))


def test_equal_settings_of_another_layer_are_another_layer() -> None:
    """Same field values, other class."""
    evaluator = evaluator_of(calls_of(8))
    assert evaluator.value((LastSegments(2),)) != evaluator.value((LastSegments(3),))
    assert evaluator.value((LastSegments(2), LastSegments(3))) == evaluator.value(
        (LastSegments(2),)
    )


def test_the_sums_by_session_are_the_whole() -> None:
    evaluator = evaluator_of(calls_of(12))
    for k in range(len(LAYERS) + 1):
        found = outcome(evaluator, LAYERS[:k])
        assert exact_sum(found.session_pusd) == evaluator.value(LAYERS[:k])
        assert found.overhead_pusd >= 0


def test_a_touched_cache_has_variance_and_exposure_only_where_it_is_modelled() -> None:
    evaluator = evaluator_of(calls_of(20))
    found = outcome(evaluator, (LastSegments(2),))
    assert found.exposed_pusd > 0
    alone = outcome(evaluator, (ShorterOutput(0.5),))
    assert alone.exposed_pusd == 0 and not alone.session_variance.any()


def test_exposed_is_what_the_cache_model_says_on_one_side_and_not_on_the_other() -> None:
    evaluator = evaluator_of(calls_of(20))
    view = evaluator.state((LastSegments(2),)).view
    now = np.rint(evaluator.model.modelled(view).served.tokens)
    was = np.rint(evaluator.model.recorded.served.tokens)
    touched = evaluator.rebilled(view).touched
    worth = read_discount_pusd(view, evaluator.prices)
    expected = np.where(touched, np.abs(now - was) * worth, 0)
    found = outcome(evaluator, (LastSegments(2),))
    assert evaluator.model.fit.calls and found.exposed_pusd == int(expected.sum()) > 0


def test_without_recorded_reads_all_input_is_exposed() -> None:
    calls = calls_of(20)
    for c in calls:
        c.usage.state = UsageState.ESTIMATED
    evaluator = evaluator_of(calls)
    view = evaluator.state((LastSegments(2),)).view
    rebilled = evaluator.rebilled(view)
    inputs = rebilled.leaves[:, INPUT].sum(axis=1)
    assert not evaluator.model.fit.calls and rebilled.touched.any()
    assert np.array_equal(rebilled.exposed, np.where(rebilled.touched, inputs, 0))


def test_a_call_must_not_be_moved_to_where_nothing_has_a_price() -> None:
    evaluator = evaluator_of(calls_of(4))
    with pytest.raises(BrokenLayer, match="unknown-1"):
        evaluator.value((OtherModel(to="unknown-1"),))


def test_what_is_kept_stays_within_its_bytes() -> None:
    evaluator = evaluator_of(calls_of(12))
    settings = [LastSegments(k) for k in (1, 2, 3, 4, 5, 6)]
    one = _held(evaluator, settings[:1])
    evaluator._states.most_bytes = 2 * one
    for layer in settings:
        evaluator.value((layer,))
        assert evaluator._states.held_bytes <= 2 * one
    assert len(evaluator._states) < len(settings)


def _held(evaluator: Evaluator, layers: list[LastSegments]) -> int:
    InProcess(evaluator).outcomes([(layer,) for layer in layers])
    return evaluator._states.held_bytes
