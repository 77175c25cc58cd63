"""A fleet of one's own behind other layers: its size, its rent to the pico-dollar, and who bears what."""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from costopt.billing.meter import meter
from costopt.billing.meter_plain import meter_plain
from costopt.engine.attribute import attribute
from costopt.engine.evaluate import Evaluator
from costopt.engine.outcome import InProcess
from costopt.engine.parts_of import part_of, sessions_in_order
from costopt.engine.trial import drawn
from costopt.errors import UsageError
from costopt.layers.base import Layer
from costopt.layers.exact_cache import ExactCache
from costopt.layers.parts import self_host_fleet
from costopt.layers.parts.self_host_served import served_by
from costopt.layers.route import Route
from costopt.layers.self_host import SelfHost
from costopt.layers.session_budget import SessionBudget
from costopt.layers.window import Window
from costopt.model.call import Call
from costopt.model.leaf import OUTPUT
from costopt.model.own_fleet import OWN_FLEET
from costopt.model.view import View
from costopt.money import PICO_PER_USD
from costopt.serving.arrivals import Arrivals
from costopt.serving.calibration.stored import SCHEMA
from costopt.serving.deployment import Deployed, deploy
from costopt.serving.efficiency import shipped
from costopt.serving.fleet.drafts import Drafts
from tests.billing.small import call, timed, usage
from tests.fakes import FakeBook
from tests.layers.cases.self_host import LLAMA, OWN
from tests.layers.context import evaluator_of, texts_of
from tests.layers.two_prices import TwoPrices

DAY_PUSD = 86_400_000_000_000
START_US = 1_790_000_000_000_000


def busy(
    n: int, kinds: int | None = None, per_s: float = 20.0, prompt: int = 3_000, out: int = 200
) -> list[Call]:
    """So many calls a second, each a session of its own; of `kinds` different questions."""
    return [
        call(
            f"c{i}", [f"user:Letter {i % (kinds or n)}: is it a complaint?"], usage(prompt, out=out),
            [f"assistant:{i % (kinds or n)}"], session_id=f"s{i}",
            at_us=START_US + int(1e6 * i / per_s),
        )
        for i in range(n)
    ]  # fmt: skip


def told(evaluator: Evaluator, *layers: Layer) -> dict[str, Any]:
    """What the last layer says of itself."""
    effect = evaluator.effect(layers)
    return layers[-1].report(effect.tally, effect.detail).evidence


def rent_of(evaluator: Evaluator, *layers: Layer) -> int:
    """All that is charged, by the call that bears it, added up."""
    return sum(int(fee.pusd.sum()) for fee in evaluator.effect(layers).fees)


def test_the_rent_is_split_to_the_pico_dollar() -> None:
    """Published rents, an odd number of hours, calls of many sizes."""
    calls = [
        call(f"c{i}", [f"user:{'x' * (1 + 37 * i)}"], usage(40 * i + 1, out=7 * i + 1), session_id=f"s{i}")
        for i in range(31)
    ]  # fmt: skip
    evaluator = evaluator_of(calls, gap_s=4_099.0)
    layer = replace(OWN, usd_per_gpu_hour=None, hours=37.3)
    (fee,) = evaluator.effect((layer,)).fees
    found = told(evaluator, layer)
    whole = rent_of(evaluator, layer)
    assert whole == round(found["rent_usd"] * PICO_PER_USD) and len(fee.rows) == 31
    assert found["days"] == pytest.approx(37.3 / 24)
    assert whole == pytest.approx(found["rent_usd_a_day"]["typical"] * 37.3 / 24 * PICO_PER_USD)
    by_call = fee.pusd[np.argsort(fee.rows)]
    assert (np.diff(by_call) > 0).all(), "more tokens are more work"
    low, high = (told(evaluator, replace(layer, rent_at=end))["rent_usd"] for end in (0.0, 1.0))
    assert low < found["rent_usd"] < high and layer.ranges()["rent_at"] == (0.0, 1.0)
    assert "rent_at" not in OWN.ranges(), "one's own price has no range"


def test_a_rent_that_no_column_holds_is_refused_in_words() -> None:
    evaluator = evaluator_of([call("c1", ["user:hello"], usage(40, out=7), session_id="s")])
    with pytest.raises(UsageError, match=r"rent of 1 GPU .* is \$10,000,000,000"):
        evaluator.effect((replace(OWN, usd_per_gpu_hour=1e6, hours=1e4),))


@pytest.mark.parametrize("hours", [0.7, 5.0, 37.3])
def test_the_window_is_charged_as_it_costs(hours: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of a day of a fleet that grows: to the pico-dollar what its own run is paid for."""
    kept: list[Deployed] = []

    def deployed(*args: Any) -> Any:
        found = deploy(*args)
        assert isinstance(found, Deployed)
        kept.append(found)
        return found

    monkeypatch.setattr(self_host_fleet, "deploy", deployed)
    layer = replace(
        OWN, hours=hours, autoscale=True, autoscale_target=2.0, autoscale_start=7.0, replicas=6
    )  # fmt: skip
    charged = rent_of(evaluator_of(busy(300, per_s=3.0, out=311)), layer)
    (found,) = kept
    paid_us = round(1e6 * float(found.fleet.paid_s.sum())) * found.one.gpus
    assert len(found.fleet.moves) > 1 and paid_us > hours * 3.6e9
    assert (
        charged
        == found.cost.window.typical_pusd
        == round(Fraction(int(found.rent.typical_pusd) * paid_us, 1_000_000))
    )


def test_what_the_fleet_does_not_simulate_is_an_assumption() -> None:
    evaluator = evaluator_of(busy(40))
    for layer, words in (
        (replace(OWN, engine="sglang"), "under vLLM's scheduling rules"),
        (replace(OWN, terms="reserved"), "paid day and night"),
        (replace(OWN, terms="spot"), "taken away at short notice"),
    ):
        effect = evaluator.effect((layer,))
        assert words in " ".join(layer.report(effect.tally, effect.detail).assumptions)


def test_no_logged_call_is_priced_by_the_reserved_name() -> None:
    calls = [call("a", ["user:a"], usage(1_000, out=1), provider=OWN_FLEET)]
    view = View.of(timed(calls))
    bill = meter(view, FakeBook())
    assert view.provider.texts() == [f"{OWN_FLEET} (as logged)"] and bill.total_pusd > 0
    moved = evaluator_of(calls).state((OWN,)).view
    for priced in (meter(moved, FakeBook()), meter_plain(moved, FakeBook())):
        assert priced.total_pusd == 0 and priced.priced.all()
        assert priced.sources == ("own fleet: the rent is the price",)
    clean = timed([call("a", ["user:a"], usage(1_000, out=1))])
    assert View.of(clean).provider is clean.dims["provider"]


def test_a_cache_in_front_makes_the_fleet_smaller() -> None:
    evaluator = evaluator_of(busy(600, kinds=60))
    alone, behind = told(evaluator, OWN), told(evaluator, ExactCache(), OWN)
    assert (alone["moved_calls"], behind["moved_calls"]) == (600, 60)
    assert behind["replicas"] < alone["replicas"]
    assert behind["rent_usd"] < alone["rent_usd"] and behind["api_usd"] < alone["api_usd"]


def test_a_window_in_front_shortens_contexts_and_breaks_the_engines_own_prefix_cache() -> None:
    """What it takes out of the prompts it may cost again: without its beginning one is computed anew."""
    said = ["system:You sort letters."]
    calls = []
    for i in range(40):
        said = [*said, f"user:{i} {'word ' * 300}", "assistant:ok"]
        calls.append(call(f"c{i}", said[:-1], usage(sum(map(len, said)), out=20), [said[-1]]))
    evaluator = evaluator_of(calls)
    alone, behind = told(evaluator, OWN), told(evaluator, Window(turns=4), OWN)
    assert behind["moved_calls"] == alone["moved_calls"] == 40
    assert "--max-model-len 61440" in alone["launch"]
    assert "--max-model-len 8192" in behind["launch"]
    assert behind["prefix_hit_share"] < 0.5 < 0.9 < alone["prefix_hit_share"]


def test_what_layers_save_together_is_no_sum_of_what_each_saves_alone() -> None:
    evaluator = evaluator_of(busy(300, kinds=30, per_s=5.0))
    found = attribute(InProcess(evaluator), (ExactCache(), OWN))
    assert found.shapley is not None
    assert sum(found.step_pusd) == found.saved_pusd == sum(found.shapley.pusd)
    assert sum(found.solo_pusd) != found.saved_pusd
    value = evaluator.value((ExactCache(), OWN))
    assert evaluator.baseline.total_pusd - value == found.saved_pusd


def test_a_budget_behind_the_fleet_meters_no_token_of_it() -> None:
    """A rented machine is paid already: only what is still asked from a provider spends a budget."""
    calls = [
        call(f"{a}{i}", [f"user:{a}{i}"], usage(1_000, out=1), agent=a, session_id="s", at_us=START_US + i)
        for i in range(10) for a in ("own", "far")
    ]  # fmt: skip
    evaluator = evaluator_of(calls)
    budget = SessionBudget(usd=0.004)
    layer = replace(OWN, match=(("agent", ("own",)),))
    view = evaluator.state((layer, budget)).view
    ids = np.array(evaluator.trace.id)
    assert sorted(ids[~view.sent].tolist()) == [f"far{i}" for i in range(4, 10)]
    assert rent_of(evaluator, layer) == DAY_PUSD


def test_a_sampled_log_is_served_as_the_whole_traffic_and_bears_its_share() -> None:
    calls = busy(400, per_s=4.0)
    trace = timed(calls)
    tenth = replace(trace, sample_rate=0.1)
    texts = texts_of(trace, calls)
    whole, sampled = (evaluator_of(t, texts=texts) for t in (trace, tenth))
    small, large = told(whole, OWN), told(sampled, OWN)
    assert large["replicas"] > 3 * small["replicas"] and large["sample_rate"] == pytest.approx(0.1)
    assert large["rent_usd"] == pytest.approx(large["replicas"] * 8.64)
    assert large["rent_usd_a_day"]["charged"] == pytest.approx(large["replicas"] * 86.4)


def test_a_stretch_of_the_log_bears_its_share_of_the_time() -> None:
    """As Shapley's sample and an audit's trial draw it: the traffic inside is the log's own."""
    evaluator = evaluator_of(busy(400, per_s=0.01))
    order, _ = sessions_in_order(evaluator.trace)
    parts = [part_of(evaluator, order[i : i + 100]) for i in range(0, 400, 100)]
    assert sum(part.handed.drawn.share for part in parts) == 1.0
    again = part_of(parts[0], np.arange(len(parts[0].trace.sessions))[:50])
    assert again.handed.drawn.share == 0.125
    assert again.handed.drawn.span_s == parts[0].handed.drawn.span_s == 39_900.0
    found = told(evaluator, OWN)
    for part in parts:  # a quarter of the calls in a quarter of the time
        mine = told(part, OWN)
        for name in ("utilisation", "tokens_per_rented_gpu_s"):
            assert mine[name] == pytest.approx(found[name], rel=0.02)
    rents = [rent_of(part, OWN) for part in parts]
    assert sum(rents) == rent_of(evaluator, OWN) == DAY_PUSD and len(set(rents)) == 1


def test_behind_a_router_a_replay_is_of_the_logged_model() -> None:
    """What the router thinks of the answers' length is no base of what was measured against the log's."""
    route = Route(tiers=(("simple", "small"), ("complex", "big")), output_ratio=3.0)
    layer = replace(OWN, match=(("model", ("small",)),))
    calls = [call("a", ["user:a"], usage(100, out=20), ["assistant:yes"], model="big")]
    known = {"self_host": {"moves": {f"big -> {LLAMA}": {"output_ratio": 1.5}}}}
    for evidence, out in ((None, 60), (known, 30)):
        evaluator = evaluator_of(calls, prices=TwoPrices(), evidence=evidence)
        view = evaluator.state((route, layer)).view
        assert view.leaves[0, OUTPUT].sum() == out
        (move,) = told(evaluator, route, layer)["moves"]
        assert (move["from"], move["routed_to"], move["to"]) == ("big", "small", LLAMA)


def test_an_audits_trial_comes_to_the_whole_rent() -> None:
    evaluator = evaluator_of(busy(400, per_s=0.01))
    trial = drawn(evaluator, 100, seed=3)
    assert 50 < trial.evaluator.trace.n < 150
    assert trial.scaled(rent_of(trial.evaluator, OWN)) == pytest.approx(DAY_PUSD, rel=1e-9)


def test_stretches_are_moved_together_and_stay_as_they_are_inside() -> None:
    at = np.concatenate([start + np.arange(10) for start in (500.0, 3_000.0, 9_000.0)])
    ones = np.ones(30, np.int64)
    found = self_host_fleet.closed_up(Arrivals(at, ones, ones, ones, 10_000.0), 300.0)
    gaps = np.diff(found.at_s)
    assert found.span_s == 300.0 and found.at_s[-1] == pytest.approx(300.0)
    assert np.delete(gaps, (9, 19)) == pytest.approx(1.0)
    assert gaps[9] == gaps[19] == found.at_s[0] == pytest.approx(91.0)
    short = self_host_fleet.closed_up(
        Arrivals(at[:10] - 500, ones[:10], ones[:10], ones[:10], 1e4), 20.0
    )
    assert short.at_s.tolist() == list(range(10)) and short.span_s == 20.0


def test_a_fleet_that_misses_its_level_is_not_verified() -> None:
    moves = {f"m -> {LLAMA}": {"output_ratio": 1.0, "quality_loss": 0.0, "quality_ci95": [0.0, 0.01],
                               "judged": 400}}  # fmt: skip
    evaluator = evaluator_of(busy(300), evidence={"self_host": {"moves": moves}})
    for layer, verified in ((OWN, True), (replace(OWN, replicas=1), False)):
        effect = evaluator.effect((layer,))
        said = layer.report(effect.tally, effect.detail)
        assert said.verified is verified and said.risk.value == 0.0
        assert any("The level is missed" in note for note in said.notes) is not verified


def test_the_same_question_is_simulated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    real = self_host_fleet.deploy

    def counting(*given: Any, **more: Any) -> Any:
        asked.append(1)
        return real(*given, **more)

    monkeypatch.setattr(self_host_fleet, "deploy", counting)
    monkeypatch.setattr(self_host_fleet, "_kept", type(self_host_fleet._kept)())
    for _ in range(2):  # two evaluators of the same calls
        evaluator = evaluator_of(busy(50))
        evaluator.effect((OWN,))
        evaluator.effect((replace(OWN, max_loss=0.5),))
        evaluator.effect((replace(OWN, rent_at=1.0),))
    assert len(asked) == 1
    evaluator.effect((replace(OWN, tpot_ms=50.0),))
    assert len(asked) == 2


def test_speculation_by_a_preset_and_by_a_method() -> None:
    pair = replace(OWN, speculation="llama-3.1-8b+eagle3")
    wish = self_host_fleet.wish_of(
        served_by(pair, evaluator_of([]).recorded, evaluator_of([]).handed)
    )
    assert isinstance(wish.drafts, Drafts) and wish.drafts.method == "eagle3"
    assert pair.ranges()["acceptance_at"] == (0.0, 1.0)
    stated = replace(OWN, speculation="ngram", acceptance=0.6, draft_tokens=4)
    assert "acceptance_at" not in stated.ranges()
    evaluator = evaluator_of(busy(20, per_s=1.0))
    plain, drafted = told(evaluator, OWN), told(evaluator, stated)
    assert drafted["tpot_ms"]["p50"] < plain["tpot_ms"]["p50"]
    assert drafted["speculation"]["basis"] == "stated in the policy"
    assert '"num_speculative_tokens":4' in drafted["launch"]
    with pytest.raises(UsageError, match="drafts for llama-3"):
        replace(OWN, speculation="llama-3.3-70b+eagle3")
    with pytest.raises(UsageError, match="needs a `draft_model`"):
        replace(OWN, speculation="draft_model", acceptance=0.7)


def test_a_fine_tune_is_told_by_the_model_it_was_made_from() -> None:
    with pytest.raises(UsageError, match="`shape` says which"):
        SelfHost(model="acme/letters-8b", gpu="l40s")
    with pytest.raises(UsageError, match="needs a `gpu`"):
        SelfHost(model=LLAMA)
    own = replace(OWN, model="acme/letters-8b", shape="llama-3.1-8b")
    evaluator = evaluator_of(busy(3))
    assert told(evaluator, own)["launch"].startswith("vllm serve acme/letters-8b")
    assert evaluator.state((own,)).view.model.texts() == ["acme/letters-8b"] * 3


def test_shape_and_constants_from_files(tmp_path: Path) -> None:
    config = {
        "num_hidden_layers": 32, "hidden_size": 4096, "num_attention_heads": 32, "vocab_size": 128_256,
        "num_key_value_heads": 8, "intermediate_size": 14_336, "max_position_embeddings": 600,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    own = replace(OWN, model="acme/new", config=str(tmp_path))
    evaluator = evaluator_of(busy(3, prompt=300))
    found = told(evaluator, own)
    assert found["moved_calls"] == 3 and "--max-model-len 600" in found["launch"]
    assert told(evaluator_of(busy(3)), own)["kept"] == {"too_long": 3}
    slow = replace(shipped(), memory=shipped().memory / 2)
    whole = {"schema": SCHEMA, "values": asdict(slow)}
    (tmp_path / "slow.json").write_text(json.dumps(whole))
    calibrated = told(evaluator, replace(OWN, profile=str(tmp_path / "slow.json")))
    assert calibrated["tpot_ms"]["p50"] > 1.5 * found["tpot_ms"]["p50"]
    for broken, said in (
        (replace(own, config=str(tmp_path / "none.json")), "config.json"),
        (replace(OWN, profile="none"), "no serving profile is called `none`"),
        (replace(OWN, profile=str(tmp_path / "config.json")), "no serving profile"),
    ):
        with pytest.raises(UsageError, match=said):
            evaluator.effect((broken,))


def test_a_day_of_two_thousand_calls_takes_less_than_a_second() -> None:
    evaluator = evaluator_of(busy(2_000, per_s=1 / 40))
    evaluator.effect((replace(OWN, percentile=90.0),))  # compiles
    began = time.perf_counter()
    evaluator.effect((dataclasses.replace(OWN),))
    assert time.perf_counter() - began < 2.0  # on a busy machine; measured 0.1 s
