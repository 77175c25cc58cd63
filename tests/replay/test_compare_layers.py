"""What is said of a layer: from its own requests, above the noise floor, and never without one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from costopt.model.exchange import Block
from costopt.model.replayed import ReplayedLayer
from costopt.replay.compare.compare import Comparison
from costopt.replay.compare.known import Known, Logged, PolicyLayer
from costopt.replay.items import Arm, Half, Item
from tests.replay.comparing import Story, leaves, predicted, price, said


def judging() -> Story:
    """All items judge."""
    return Story(half=Half.JUDGES)


def trimmed(
    differ: int, calls: int = 60, noise: int = 40, noisy: int = 0, half: Half | None = Half.JUDGES
) -> Story:
    """Calls under `trim_tools` of which some answer otherwise, and unchanged ones."""
    made = Story(half=half)
    for row in range(calls):
        answer = "no" if row < differ else "yes"
        made.ask(Arm.POLICY, row, answer, layers=("trim_tools",), into=40, told=leaves(41, 10))
    for row in range(noise):
        made.ask(Arm.NOISE, row, "no" if row < noisy else "yes", stratum="trim_tools")
    return made


def layer_of(found: Comparison, name: str = "trim_tools") -> ReplayedLayer:
    return next(layer for layer in found.layers if layer.layer == name)


def test_a_layer_that_changes_nothing_is_kept() -> None:
    layer = layer_of(trimmed(0, calls=120, noise=60).compared())
    head = layer.agreement[0]
    assert (layer.says, head.test, head.agree, head.answers) == ("keep", "answers", 120, 120)
    assert (head.noise_agree, head.noise_answers, head.excess_pp) == (60, 60, 0)
    assert layer.why.startswith("120 of 120 answers agree (word for word); at most")
    assert layer.more_needed is None and layer.requests == 120


def test_a_layer_whose_answers_differ_is_dropped() -> None:
    layer = layer_of(trimmed(17, calls=120, noise=60, noisy=2).compared())
    assert layer.says == "drop" and layer.agreement[0].excess_pp == pytest.approx(10.8, abs=0.05)
    assert "10.8 points more differ than when nothing is changed" in layer.why


def test_the_same_differences_are_the_endpoints_own_where_the_floor_has_them() -> None:
    layer = layer_of(trimmed(30, noise=40, noisy=20).compared())
    assert layer.says == "more" and layer.agreement[0].excess_pp == 0
    assert layer.more_needed is not None and f"{layer.more_needed:,} more answers" in layer.why


def test_without_a_floor_nothing_is_dropped() -> None:
    found = trimmed(30, noise=0).compared()
    layer = layer_of(found)
    assert layer.says == "more" and "no noise floor was measured" in layer.why
    assert layer.agreement[0].noise_rate is None and layer.agreement[0].excess_pp is None
    assert "No unchanged request was compared: no noise floor was measured." in found.notes
    assert layer_of(trimmed(0, calls=60, noise=0).compared()).says == "keep"


def test_few_answers_ask_for_more() -> None:
    layer = layer_of(trimmed(1, calls=10, noise=10).compared())
    assert layer.says == "more" and layer.more_needed and layer.more_needed > 20
    tolerant = layer_of(trimmed(0, calls=40, noise=40).compared(Known(tolerance_pp=30)))
    assert tolerant.says == "keep"


def test_answers_of_few_sessions_prove_little() -> None:
    made = judging()
    for row in range(120):
        made.ask(Arm.POLICY, row, "yes", layers=("window",), session=row % 6)
        made.ask(Arm.NOISE, row, "yes", session=row % 6)
    layer = layer_of(made.compared(), "window")
    assert layer.says == "more" and layer.agreement[0].sessions == 6


def test_a_layer_is_judged_by_requests_where_it_is_alone() -> None:
    made = judging()
    for row in range(60):
        made.ask(Arm.POLICY, row, "no", layers=("window", "compress"))
        made.ask(Arm.LAYER, row, "yes", layers=("window",))
        made.ask(Arm.NOISE, row, "yes")
    found = made.compared()
    window, compress = layer_of(found, "window"), layer_of(found, "compress")
    assert (window.says, window.agreement[0].agree) == ("keep", 60)
    assert compress.agreement[0].agree == 0
    # What differs may be the other's doing: it is said, and nobody is dropped for it.
    assert compress.says == "more" and "together with window" in compress.why


def test_a_difference_of_a_kind_without_a_floor_drops_nobody() -> None:
    made = judging()
    for row in range(40):
        made.ask(Arm.POLICY, row, "no", layers=("window",), logged="yes" if row < 20 else "f!{}")
    for row in range(100, 140):
        made.ask(Arm.NOISE, row, "f!{}", logged="f!{}")
    layer = layer_of(made.compared(), "window")
    assert layer.says == "more" and "50 % of them are of a kind" in layer.why


def test_no_excess_where_nearly_all_differ_by_chance_keeps_nothing() -> None:
    layer = layer_of(trimmed(360, calls=400, noise=400, noisy=360).compared())
    head = layer.agreement[0]
    assert head.excess_pp == 0 and head.excess_ci95_pp is not None and head.excess_ci95_pp[1] < 5
    assert layer.says == "more" and "only the others can show a change" in layer.why
    assert layer_of(trimmed(20, calls=400, noise=400, noisy=20).compared()).says == "keep"


def test_a_floor_of_another_kind_keeps_nothing() -> None:
    """Free text that differs by chance is no measure for tool calls that a layer has changed."""
    made = Story()
    for row in range(400):
        made.ask(
            Arm.POLICY, row, "f!{}" if row % 10 < 6 else "g!{}", layers=("window",), logged="f!{}"
        )
        made.ask(Arm.POLICY, 1000 + row // 8, "no", layers=("window",))
        made.ask(Arm.NOISE, 2000 + row, "yes" if row % 10 == 0 else "no")
    found = made.compared()
    layer = layer_of(found, "window")
    assert layer.says == "more" and "of a kind of which nothing was sent unchanged" in layer.why
    told = found.evidence["window"]
    assert told["noise_answers"] == 0 and told["excess"] is None and told["ci95"] is None


def test_rates_weigh_what_an_answer_stands_for() -> None:
    """Half of the answers are of a stratum that is a tenth of the log: its misses count for a tenth."""
    made = trimmed(60, calls=120, noise=60)
    items = [replace(i, weight=1.0 if i.row < 60 else 9.0) for i in made.items]
    head = layer_of(replace(made, items=items).compared()).agreement[0]
    assert (head.agree, head.answers) == (60, 120) and head.rate == pytest.approx(0.9)
    assert head.ci95 is not None and head.ci95[0] < 0.9 < head.ci95[1]


def test_draws_for_one_layer_do_not_outweigh_anothers() -> None:
    """Ten lines of a batch stand for many calls each; of the other layer they are ten answers."""
    made = trimmed(0, calls=90, noise=60)
    for row in range(200, 210):
        made.ask(Arm.POLICY, row, "no", layers=("trim_tools",), stratum="batch")
    items = [replace(i, weight=1000.0 if i.stratum == "batch" else 2.0) for i in made.items]
    head = layer_of(replace(made, items=items).compared()).agreement[0]
    assert head.rate == pytest.approx(0.9)


def test_a_mapped_model_is_compared_with_itself() -> None:
    made = Story()
    for row in range(40):
        base = made.ask(Arm.BASELINE, row, "ja", served="other")
        made.ask(Arm.NOISE, row, "ja", served="other", reference=base.id)
        made.ask(Arm.POLICY, row, "ja", layers=("window",), served="other", reference=base.id)
    found = made.compared()  # the log says `yes` throughout
    head = layer_of(found, "window").agreement[0]
    assert (head.agree, head.answers, head.noise_agree, head.noise_answers) == (20, 20, 20, 20)
    assert found.evidence["window"]["mapped"] and found.evidence["window"]["model"] == "other"
    assert found.evidence["*"]["models"]["m"]["served"] == "other"


def test_a_reference_that_failed_takes_its_pair_along() -> None:
    made = trimmed(0)
    base = made.ask(Arm.BASELINE, 70, None, served="other")
    made.ask(Arm.POLICY, 70, "no", layers=("trim_tools",), served="other", reference=base.id)
    made.ask(Arm.POLICY, 71, "no", layers=("trim_tools",), logged=None)
    found = made.compared()
    assert layer_of(found).agreement[0].answers == 60
    notes = " ".join(found.notes)
    assert (
        "1 answers stand beside none: the request that gives their reference was not answered"
        in notes
    )
    assert "1 answers stand beside none: the log has no answer" in notes


def hits(known: Known, served_from: int = -1, **more: Any) -> Comparison:
    """A semantic cache's hits: the true answer is asked for; the log's own answer is `yes`."""
    made = Story()
    for row in range(80):
        source = 100 + row % 4 if served_from >= 0 else -1
        made.ask(Arm.BASELINE, row, "yes", layers=("semantic_cache",), served_from=source, **more)
    made.log[100] = said("no")
    made.log.update({row: said("yes") for row in range(101, 104)})
    return made.compared(known)


def cached(item: Item) -> tuple[Block, ...]:
    return said("yes" if item.row % 4 else "no")


@pytest.mark.parametrize("served_from", [-1, 0])
def test_cached_answers_are_held_beside_the_true_ones(served_from: int) -> None:
    layer_told = PolicyLayer("semantic_cache", {"threshold": 0.9}, 3.5, 0.01)
    known = Known(layers=[layer_told], cached=cached if served_from < 0 else None)
    found = hits(known, served_from)
    layer = layer_of(found, "semantic_cache")
    assert layer.agreement[0].agree == 20 and layer.says == "drop"
    assert layer.agreement[0].noise_agree == 40  # the fresh answer is the noise floor as well
    assert layer.measured == "false 1.0 -> 50.0 %" and layer.projected_usd == 3.5
    told = found.evidence["semantic_cache"]
    assert (told["cached_answers"], told["cached_differ"], told["noise_differ"]) == (40, 0, 0)
    assert told["settings"] == {"threshold": 0.9} and layer.settings == {"threshold": 0.9}


def test_a_cached_answer_that_nobody_knows_is_not_judged() -> None:
    found = hits(Known())
    layer = layer_of(found, "semantic_cache")
    assert layer.says == "not_measured" and layer.agreement == []
    assert any("the cached answer is not known" in note for note in found.notes)


def test_a_stand_in_is_asked_for_the_cached_answer_too() -> None:
    """The log's answers are another model's: neither they nor a true answer alone is a floor."""
    made = judging()
    for row in range(60):
        source = made.ask(Arm.BASELINE, 100 + row, "ja", served="other")
        made.ask(Arm.BASELINE, row, "ja", layers=("semantic_cache#2",), served="other",
                 reference=source.id, served_from=100 + row)  # fmt: skip
        made.ask(Arm.NOISE, 100 + row, "ja", served="other", reference=source.id)
    found = made.compared()
    layer = layer_of(found, "semantic_cache#2")
    assert (layer.says, layer.agreement[0].agree) == (
        "keep",
        60,
    ) and layer.measured == "false ? -> 0.0 %"
    assert (found.noise[0].agree, found.noise[0].answers) == (60, 60)


def test_input_kept_is_measured_beside_the_same_calls_sent_whole() -> None:
    layer = layer_of(trimmed(0).compared())
    assert layer.measured == "in -60.0 -> -59.0 %"
    change = layer.quantities[0]
    assert change["what"] == "input_change" and change["calls"] == 40
    assert change["measured"] == pytest.approx(-0.59) and change["predicted"] == pytest.approx(-0.6)
    alone = layer_of(trimmed(0, noise=0).compared())
    assert alone.measured == "in 40 -> 41 tokens a call"


def test_layout_is_measured_by_cached_tokens() -> None:
    made = Story()
    for row in range(20):
        made.ask(
            Arm.POLICY, row, "yes", layers=("prompt_layout",), into=1000, told=leaves(1000, 10, 831),
            predicted=predicted(1000, 10, 842.0),
        )  # fmt: skip
    assert layer_of(made.compared(), "prompt_layout").measured == "84.2 -> 83.1 % hit"


def routed(served: str = "") -> Story:
    made = Story()
    for row in range(40):
        made.ask(
            Arm.POLICY, row, "yes", layers=("route",), model="small", served=served,
            told=leaves(100, 107, thought=7), predicted=predicted(100, 100),
        )  # fmt: skip
        made.ask(Arm.NOISE, row, "yes", model="large", told=leaves(100, 100))
    return made


def known_log() -> Known:
    return Known(price=price, logged=lambda row: Logged(leaves(100, 100), "large"), at="2026-11-25")


def test_a_move_is_measured_and_written_back() -> None:
    found = routed().compared(known_log())
    layer = layer_of(found, "route")
    assert layer.measured == "out x1.00->1.07" and layer.says == "more"
    move = found.evidence["route"]["moves"]["large -> small"]
    assert move["output_ratio"] == 1.0 and move["reasoning_ratio"] == 0.07
    assert move["quality_loss"] == 0 and move["judged"] == 20 and move["n"] == 20
    assert found.evidence["route"]["output_ratio"] == pytest.approx(1.07)
    assert found.evidence["route"]["at"] == "2026-11-25" and found.evidence["route"]["run"] == 12


def test_a_stand_in_teaches_nothing_of_the_move() -> None:
    told = routed("tiny").compared(known_log()).evidence["route"]
    assert "moves" not in told and "large -> small" in told["mapped_moves"]


def capped(written: int) -> Comparison:
    """The log's answers have 500 tokens; the replay caps all at 64, and each is cut by it."""
    made = Story()
    for row in range(40):
        made.ask(
            Arm.POLICY, row, "yes", layers=("route",), model="small", told=leaves(100, written),
            finish="length", request={"cap_tokens": 64}, predicted=predicted(100, 64),
        )  # fmt: skip
    return made.compared(Known(logged=lambda row: Logged(leaves(100, 500), "large")))


def test_answers_cut_by_the_replays_own_cap_are_no_shorter_answers() -> None:
    found = capped(64)
    layer, told = layer_of(found, "route"), found.evidence["route"]
    assert "out x" not in layer.measured and layer.agreement == []
    assert told["output_ratio"] is None and "output_ratio" not in told["moves"]["large -> small"]
    assert any("the replay's own cap cut them" in note for note in found.notes)


def test_lengths_are_held_beside_the_log_up_to_the_limit_that_is_sent() -> None:
    made = Story()
    for row in range(20):
        made.ask(Arm.POLICY, row, "yes", layers=("route",), told=leaves(100, 64),
                 request={"max_tokens": 64}, finish="length", predicted=predicted(100, 64))  # fmt: skip
    known = Known(logged=lambda row: Logged(leaves(100, 500), "m"))
    assert layer_of(made.compared(known), "route").measured == "out x1.00->1.00"


def test_a_hidden_prompt_makes_the_logs_answer_no_reference() -> None:
    """The same model without the prompt that the log hides: the unchanged request was sent, too."""
    made = Story()
    for row in range(40):
        base = made.ask(Arm.BASELINE, row, "ja", told=leaves(100, 50))
        made.ask(Arm.POLICY, row, "ja", layers=("window",), reference=base.id, told=leaves(80, 50))
        made.ask(Arm.NOISE, row, "nein", reference=base.id)
    found = made.compared(Known(logged=lambda row: Logged(leaves(100, 500), "m")))
    assert found.noise[0].agree == 0 and found.noise[0].answers == 20
    assert layer_of(found, "window").agreement[0].agree == 20
    told = found.evidence["window"]
    assert told["output_ratio"] == 1.0 and not told["mapped"]


def test_two_layers_of_one_class_are_told_apart() -> None:
    made = judging()
    for row in range(40):
        made.ask(Arm.POLICY, row, "yes", layers=("window",))
        made.ask(Arm.POLICY, 100 + row, "no", layers=("window#2",))
        made.ask(Arm.NOISE, row, "yes")
    layers = made.compared(Known(layers=[PolicyLayer("window"), PolicyLayer("window")])).layers
    assert [(x.layer, x.says) for x in layers] == [("window", "keep"), ("window#2", "drop")]


def test_a_layout_is_measured_along_all_calls_that_were_drawn_for_it() -> None:
    made = judging()
    for row in range(20):
        layers = ("prompt_layout",) if row == 0 else ()
        made.ask(
            Arm.POLICY, row, "yes", layers=layers, stratum="prompt_layout", into=1000, read=500
        )
    layer = layer_of(made.compared(), "prompt_layout")
    assert layer.measured == "50.0 -> 50.0 % hit" and layer.requests == 20
    assert layer.agreement[0].answers == 1


def test_answers_cut_by_the_layers_limit() -> None:
    made = Story()
    for row in range(20):
        made.ask(
            Arm.POLICY, row, "yes", layers=("output",), finish="length" if row % 4 == 0 else "stop",
            request={"max_tokens": 50, "cap_tokens": 4096},
        )  # fmt: skip
    found = made.compared()
    assert layer_of(found, "output").measured == "cut ? -> 50.0 %"
    told = found.evidence["output"]
    assert (told["truncated"], told["truncated_of"]) == (0, 10)


def test_a_server_of_ones_own_is_timed() -> None:
    made = Story()
    for row in range(8):
        made.ask(Arm.POLICY, row, "yes", layers=("self_host",), ms=900, ttft=400, out=51)
    found = made.compared()
    assert layer_of(found, "self_host").measured == "TTFT 400 ms, TPOT 10 ms"
    told = found.evidence["self_host"]
    assert told["ttft_ms"] == 400 and told["tpot_ms"] == 10
    assert told["tokens_per_s"] == pytest.approx(51 / 0.9)


def test_what_the_plan_cannot_measure_says_why() -> None:
    made = trimmed(0)
    made.not_measured["exact_cache"] = "equal requests get equal answers by rule"
    layer = layer_of(made.compared(), "exact_cache")
    assert (layer.says, layer.why) == ("not_measured", "equal requests get equal answers by rule")
    assert layer.measured == "" and layer.now_usd is None


def test_evidence_is_json_of_the_writing_half() -> None:
    made = trimmed(10, half=None)
    found = made.compared(
        Known(price=price, layers=[PolicyLayer("trim_tools", {"max_tokens": 200})])
    )
    told = orjson.loads(orjson.dumps(found.evidence))
    layer = told["trim_tools"]
    assert layer["settings"] == {"max_tokens": 200} and layer["tests"] == {"exact": 30}
    assert (layer["replayed_answers"], layer["answers_differ"], layer["noise_answers"]) == (
        30,
        5,
        20,
    )
    assert layer["input_ratio"] == pytest.approx(41 / 40) and layer["excess"] == pytest.approx(
        1 / 6
    )
    assert layer["ci95"][0] < 1 / 6 < layer["ci95"][1] and layer["sessions"] == 30
    assert told["*"]["latency"]["latency_ms"] == 900 and told["*"]["latency"]["ratio"] == 0.9


def test_a_reference_of_the_other_half_is_no_reference() -> None:
    made = Story()
    for row in range(12):
        base = made.ask(Arm.BASELINE, row, "ja", served="other", half=Half.JUDGES)
        made.ask(Arm.POLICY, row, "nein", layers=("window",), served="other", half=Half.WRITES,
                 reference=base.id)  # fmt: skip
    found = made.compared()
    assert layer_of(found, "window").agreement == []
    assert "replayed_answers" not in found.evidence["window"]
    assert any("of the other half" in note for note in found.notes)


def test_cached_share_by_gap() -> None:
    made = Story()
    sent: dict[str, int] = {}
    for row, (second, read) in enumerate([(0, 0), (10, 80), (200, 60), (4000, 0), (4010, 0)]):
        expected = predicted(100, 10, 80.0 if row < 4 else 0.0)  # the last is below the minimum
        item = made.ask(Arm.POLICY, row, "yes", session=1, read=read, predicted=expected)
        sent[item.id] = second * 1_000_000
    for row in range(5, 10):
        made.ask(Arm.POLICY, row, "yes", session=row)
    gaps = made.compared(Known(price=price, sent_at_us=sent)).evidence["*"]["cache_by_gap"]
    assert [(g["gap_s"], g["calls"], g["predicted_share"], g["measured_share"]) for g in gaps] == [
        (30.0, 1, 0.8, 0.8), (300.0, 1, 0.8, 0.6), (None, 1, 0.8, 0.0),
    ]  # fmt: skip
    assert made.compared().evidence["*"]["cache_by_gap"] == []
    cold = Known(price=price, sent_at_us=sent, settings={"cold": True})
    assert made.compared(cold).evidence["*"]["cache_by_gap"] == []


def test_the_worst_are_spread_masked_and_cut() -> None:
    key = "sk-proj-abcdefghijklmnop1234"
    made = Story()
    for row in range(30):
        made.ask(Arm.POLICY, row, f"never {key} " + "x" * 9000, layers=("window",), logged="yes")
    for row in range(30, 33):
        made.ask(Arm.POLICY, row, "yes indeed", layers=("compress",), logged="yes")
    made.ask(Arm.LAYER, 30, "no", layers=("compress",))
    made.ask(Arm.POLICY, 40, "yes", layers=("compress",))
    worst = made.compared().worst
    assert len(worst) == 10 and {w.layer for w in worst} == {"window", "compress"}
    assert len({w.call for w in worst}) == 10
    assert sum(w.layer == "compress" for w in worst) == 3
    assert key not in repr(worst) and all(len(w.answer) < 2100 for w in worst)
    assert [w.score for w in worst] == sorted(w.score for w in worst) and worst[0].test == "exact"
