"""Measured is what the endpoint counted, and predicted never moves with it by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from costopt.model.exchange import Completion, Origin
from costopt.model.replayed import Compared
from costopt.replay.compare.compare import Comparison
from costopt.replay.compare.known import Known
from costopt.replay.items import Arm, Half
from tests.replay.comparing import Story, doubled, leaves, predicted, price


def story(calls: int = 20, factor: float = 1.0) -> Story:
    """Requests of different sizes; the endpoint counts `factor` times what was predicted."""
    made = Story()
    for row in range(calls):
        into, out = 100 + 37 * row, 20 + row
        told = leaves(round(factor * into), round(factor * out))
        made.ask(Arm.POLICY, row, "yes", layers=("trim_tools",), into=into, out=out, told=told)
    return made


def line(found: Comparison, what: str, arm: str = "policy") -> Compared:
    return next(c for c in found.compared if c.what == what and c.arm == arm)


def test_totals_are_of_the_judging_half() -> None:
    found = line(story().compared(), "input_tokens")
    judged = sum(100 + 37 * row for row in range(0, 20, 2))
    assert (found.calls, found.predicted, found.measured) == (10, judged, judged)
    assert (found.diff_pct, found.inside) == (0, True)
    assert found.calibrated_ci95 == [judged, judged]
    assert found.basis == "log x ratio measured on the other half"


def test_dollars_are_the_measured_tokens_at_the_projections_price() -> None:
    found = line(story().compared(), "usd")
    tokens = sum(100 + 37 * row + 10 * (20 + row) for row in range(0, 20, 2))
    assert found.measured == pytest.approx(tokens / 1e6)
    assert line(story().compared(Known()), "usd").measured is None


def test_a_server_that_doubles_its_counts_moves_measured_and_leaves_predicted() -> None:
    honest = story()
    plain, twice = honest.compared(), honest.changed(lambda i: True, doubled).compared()
    for what in ("input_tokens", "output_tokens", "usd"):
        one, other = line(plain, what), line(twice, what)
        assert one.measured and other.measured == pytest.approx(2 * one.measured)
        assert other.predicted == one.predicted
    few = Story(items=honest.items[:6:2], outcomes=honest.outcomes, log=honest.log)  # none writes
    more = few.changed(lambda i: True, doubled)
    one, other = (line(s.compared(), "input_tokens") for s in (few, more))
    assert other.calibrated == one.calibrated == other.predicted and other.basis == "log"
    assert other.measured == 2 * (one.measured or 0) and other.diff_pct == pytest.approx(100)
    assert other.calibrated_ci95 is None and other.inside is None


def test_a_ratio_measured_on_the_other_half_corrects_the_projection() -> None:
    found = line(story(factor=1.3).compared(), "input_tokens")
    assert found.measured is not None and found.predicted is not None
    assert found.calibrated == pytest.approx(found.measured, rel=0.01) and found.inside
    assert found.measured == pytest.approx(1.3 * found.predicted, rel=0.01)


def test_no_half_reads_the_other() -> None:
    made = story()
    plain = made.compared()
    judges = made.changed(lambda i: i.half == Half.JUDGES, doubled).compared()
    writes = made.changed(lambda i: i.half == Half.WRITES, doubled).compared()
    assert plain.evidence and judges.evidence == plain.evidence
    assert writes.evidence != plain.evidence
    assert [c.measured for c in writes.compared] == [c.measured for c in plain.compared]
    assert [c.predicted for c in writes.compared] == [c.predicted for c in plain.compared]
    told = [q["measured"] for layer in plain.layers for q in layer.quantities]
    assert told == [q["measured"] for layer in writes.layers for q in layer.quantities]


@pytest.mark.parametrize("origin", [Origin.RECORDED, Origin.MOCK])
def test_recorded_and_invented_answers_measure_nothing(origin: Origin) -> None:
    made = replace(story(), origin=origin)
    for item in made.items:
        old = made.outcomes[item.id]
        assert isinstance(old, Completion)
        made.outcomes[item.id] = replace(old, origin=origin)
    found = made.compared()
    assert found.refused and found.origin == origin and found.notes[0] == found.refused
    assert found.evidence == {} and found.noise == [] and found.worst == []
    for one in found.compared:
        assert one.measured is None and one.inside is None and one.reason == found.refused
    assert (
        line(found, "input_tokens").calibrated
        == line(story().compared(), "input_tokens").calibrated
    )
    layer = found.layers[0]
    assert (layer.says, layer.why, layer.agreement) == ("not_measured", found.refused, [])
    assert layer.measured == "" and layer.quantities == []


def test_the_log_may_not_slip_into_a_run_of_an_endpoint() -> None:
    made = story()
    first = made.outcomes[made.items[0].id]
    assert isinstance(first, Completion)
    made.outcomes[made.items[0].id] = replace(first, origin=Origin.RECORDED)
    found = made.compared()
    assert line(found, "input_tokens").calls == 9
    assert "1 planned requests are in no figure: answered from the log." in found.notes


def test_one_count_for_requests_of_different_length_is_invented() -> None:
    made = Story()
    for row in range(8):
        made.ask(Arm.POLICY, row, "yes", into=100 + 400 * row, told=leaves(10, 20))
    found = made.compared()
    assert found.origin == Origin.MOCK and "one input count" in found.refused
    assert all(c.measured is None for c in found.compared)


def test_one_count_for_requests_of_one_length_is_believed() -> None:
    made = Story()
    for row in range(8):
        made.ask(Arm.POLICY, row, "yes", into=100, told=leaves(10, 20))
    assert made.compared().refused == ""


def test_what_the_endpoint_does_not_say_is_not_measured() -> None:
    made = Story()
    for row in range(10):
        made.ask(Arm.POLICY, row, "yes", into=100 + row, cached_known=False, ttft=None)
    found = made.compared()
    assert line(found, "cache_read_tokens").measured is None
    assert "cache" in line(found, "cache_read_tokens").reason
    assert line(found, "ttft_ms").measured is None and line(found, "ttft_ms").calibrated == 500
    assert line(found, "ttft_ms").reason == "No answer was streamed."
    assert line(found, "latency_ms").measured == 900 and line(found, "latency_ms").predicted == 1000
    assert line(found, "latency_ms").calibrated_ci95 is None
    without = Story()
    for row in range(10):
        without.ask(Arm.POLICY, row, "yes", told=False)
    told = without.compared()
    assert line(told, "input_tokens").measured is None and line(told, "usd").measured is None
    assert line(told, "input_tokens").reason == "The endpoint gave no usage."
    assert any("without usage" in note for note in told.notes)


def test_a_time_that_the_log_lacks_is_measured_without_a_prediction() -> None:
    made = Story()
    for row in range(10):
        made.ask(
            Arm.POLICY, row, "yes", predicted=predicted(100 + row, 10, ms=None), into=100 + row
        )
    found = line(made.compared(), "ttft_ms")
    assert (found.calibrated, found.measured, found.calls) == (None, 400, 5)
    assert found.reason == "The log does not have it for these calls."


def test_failed_and_unsent_requests_are_counted_and_in_no_figure() -> None:
    made = story()
    made.outcomes.pop(made.items[0].id)
    made.ask(Arm.POLICY, 20, None)
    found = made.compared()
    assert line(found, "input_tokens").calls == 9
    assert "1 planned requests are in no figure: failed." in found.notes
    assert "1 planned requests are in no figure: not sent." in found.notes


def test_few_sessions_give_neither_ratio_nor_interval() -> None:
    made = Story()
    for row in range(12):
        made.ask(Arm.POLICY, row, "yes", into=100 + row, session=row % 2)
    found = line(made.compared(), "input_tokens")
    assert found.basis == "log" and found.calibrated_ci95 is None
    assert found.calibrated == found.predicted
    assert "fewer than 4 sessions" in found.reason


def test_a_cache_that_may_or_may_not_serve_widens_the_interval() -> None:
    def told(variance: float) -> list[float]:
        made = Story()
        for row in range(20):
            expected = predicted(1000, 10, 500.0, variance)
            made.ask(
                Arm.POLICY, row, "yes", into=1000 + row, told=leaves(1000 + row, 10, 500),
                predicted=expected,
            )  # fmt: skip
        found = line(made.compared(), "cache_read_tokens")
        assert found.calibrated == 5000 and found.calibrated_ci95 is not None
        return found.calibrated_ci95

    assert told(0) == [5000, 5000]
    low, high = told(250.0**2)  # ten calls: a standard deviation of 791 tokens
    assert low < 4000 and high > 6000


def test_models_have_ratios_of_their_own() -> None:
    made = Story()
    for row in range(40):
        model, factor = ("a", 2) if row % 4 < 2 else ("b", 1)
        made.ask(Arm.POLICY, row, "yes", model=model, into=100 + row,
                 told=leaves(factor * (100 + row), 10))  # fmt: skip
    found = line(made.compared(), "input_tokens")
    assert found.calibrated == found.measured and found.calibrated_ci95 == [found.measured] * 2


def test_the_price_of_a_batch_is_its_own() -> None:
    made = Story()
    batch = {"service_tier": "batch"}
    for row in range(8):
        made.ask(Arm.POLICY, row, "yes", stratum="batch", request=batch, ms=3.6e6, tier="batch",
                 into=100 + row)  # fmt: skip
    made.not_measured["batch"] = "its answers are those of the same model: price rule"
    found = made.compared()
    layer = found.layers[0]
    assert layer.layer == "batch" and layer.says == "not_measured" and "price rule" in layer.why
    assert layer.measured == "price rule, 4 lines in 3,600 s"
    told = found.evidence["batch"]
    assert told["price_multiplier"] == 0.5 and told["turnaround_s"] == 3600
    assert price(made.items[0], leaves(100, 0)) == 50 * 10**6
    assert line(found, "latency_ms").measured is None


def test_nothing_planned_and_nothing_sent() -> None:
    empty = Story().compared()
    assert (empty.compared, empty.layers, empty.evidence) == ([], [], {})
    assert empty.refused == "No request was answered."
    unsent = replace(story(), outcomes={}).compared()
    assert all(c.measured is None and c.calibrated is not None for c in unsent.compared)
    assert unsent.notes[1] == "20 planned requests are in no figure: not sent."
