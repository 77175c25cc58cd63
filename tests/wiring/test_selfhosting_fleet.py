"""`costopt selfhost TRACES` inside: days that stand for a log, multiples that are shown, what drafts give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from costopt.engine.policy import Policy
from costopt.errors import UsageError
from costopt.layers.parts.self_host_drafts import config_of
from costopt.layers.self_host import SelfHost
from costopt.layers.window import Window
from costopt.serving.arrivals import DAY_S, Arrivals, in_order
from costopt.serving.deployment import Deployed, Wish, deploy
from costopt.serving.fleet.drafts import BY_LOAD
from costopt.serving.models import shape
from costopt.serving.rents import Rents
from costopt.serving.speculation.drafted import Steps
from costopt.wiring.selfhosting.fleet_asked import (
    FleetAsked,
    gpus_asked,
    layer_asked,
    others_of,
    policy_asked,
    with_gpu_of,
)
from costopt.wiring.selfhosting.fleet_drafts import drafting
from costopt.wiring.selfhosting.fleet_even import (
    MOST_REQUESTS,
    Today,
    evens,
    most_of,
    multiples_of,
    shortened,
)
from costopt.wiring.selfhosting.fleet_lookup import _as_served

LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
DAY = np.datetime64("2026-11-09").astype(object)


def days(loads: list[int], tokens: int = 500) -> Arrivals:
    """So many requests on each day, spread over its hours."""
    at_s = np.concatenate([
        day * DAY_S + np.linspace(0, DAY_S, n, endpoint=False) for day, n in enumerate(loads)
    ])  # fmt: skip
    lengths = np.full(len(at_s), tokens, np.int64)
    return in_order(at_s, lengths, lengths // 10, len(loads) * DAY_S)


def test_the_days_nearest_to_the_mean_stand_for_a_log_that_is_too_long() -> None:
    log = days([900, 100, 500, 480, 20])
    whole, none = shortened(log, 1.0)
    assert whole is log and none == 0
    part, many = shortened(log, 0.5 * MOST_REQUESTS / 500)
    assert many == 2 and part.days == 2
    assert abs(part.tokens_per_day / log.tokens_per_day - 1) < 0.3
    one, many = shortened(log, 10 * MOST_REQUESTS)
    assert many == 1 and one.n == 480, "400 a day are the mean"
    short = days([900])
    assert shortened(short, 1e9) == (short, 0), "less than two days cannot be cut"


def test_multiples_lie_around_the_break_even_and_within_what_can_be_simulated() -> None:
    assert multiples_of(20.0, 0, 1e6) == [1.0, 5.0, 10.0, 20.0, 30.0, 40.0]
    assert multiples_of(20.0, 0, 12.0) == [1.0, 5.0, 10.0, 12.0]
    assert multiples_of(20.0, 0, 1.0) == [1.0]
    chart = multiples_of(20.0, 4, 1e6)
    assert chart[-1] == 40.0 and len(chart) == len(set(chart)) and chart == sorted(chart)
    assert most_of(days([10])) == MOST_REQUESTS / 10
    assert most_of(days([10]), 0.5) == MOST_REQUESTS / 20


def test_a_break_even_is_simulated_at_the_rents_asked_for_only() -> None:
    found = deployed(days([2_000]))
    today = Today(found_arrivals := days([2_000]), 10**13, 0)
    assert found_arrivals.n == 2_000
    every, _ = evens(today, found)
    middle, _ = evens(today, found, ("typical",))
    assert list(every) == ["low", "typical", "high"] and list(middle) == ["typical"]
    assert every["typical"] == middle["typical"]
    assert (every["low"].multiple or 0) < (middle["typical"].multiple or 0)


def deployed(arrivals: Arrivals, **more: object) -> Deployed:
    wish = Wish(shape("llama-3.1-8b"), "l40s", tensor_parallel=1, **more)  # type: ignore[arg-type]
    found = deploy(arrivals, wish, Rents(DAY))
    assert isinstance(found, Deployed)
    return found


@pytest.mark.parametrize("tokens", [3, 5, 8])
def test_drafts_shorter_than_asked_yield_what_was_measured(tokens: int) -> None:
    drafted = np.array([3, 1, 2, 0, 3, 0, 1, 3])
    accepted = np.array([3, 1, 0, 0, 2, 0, 0, 0])
    steps = Steps(drafted, accepted, int((accepted + 1).sum()))
    served = _as_served(steps, tokens)
    assert served is not None
    assert served.tokens_per_step(tokens) == pytest.approx(steps.tokens_per_step)
    assert served.coverage == pytest.approx(6 / 8)
    none = np.zeros(4, np.int64)
    assert _as_served(Steps(none, none, 4), tokens) is None


def test_a_length_by_load_reaches_the_command() -> None:
    layer = SelfHost(model=LLAMA, gpu="l40s", speculation="llama-3.1-8b+eagle3")
    fixed = drafting(layer, shape("llama-3.1-8b"), None, False)
    by_load = drafting(layer, shape("llama-3.1-8b"), None, True)
    assert fixed is not None and fixed.draft_tokens > 0
    assert by_load is not None and by_load.draft_tokens == BY_LOAD
    arrivals = days([200])
    config = config_of(deployed(arrivals, drafts=by_load))
    assert config is not None
    schedule = config["num_speculative_tokens_per_batch_size"]
    assert isinstance(schedule, list) and schedule[0][0] == 1
    assert config["num_speculative_tokens"] == max(row[2] for row in schedule)
    plain = config_of(deployed(arrivals, drafts=fixed))
    assert plain is not None and "num_speculative_tokens_per_batch_size" not in plain
    assert config_of(deployed(arrivals)) is None
    look = SelfHost(model=LLAMA, gpu="l40s", speculation="ngram", acceptance=0.5)
    ngram = drafting(look, shape("llama-3.1-8b"), None, True)
    assert ngram is not None and ngram.draft_tokens > 0, "look-ups have no schedule"


def test_a_policys_own_fleet_gives_the_defaults_but_not_of_another_model() -> None:
    own = SelfHost(model=LLAMA, gpu="l40s", ttft_ms=900.0, precision="fp8", terms="spot")
    policy = Policy((Window(turns=4), own), "policy.yaml")
    assert others_of(policy).layers == (Window(turns=4),) and others_of(None).layers == ()
    layer, assumed = layer_asked(FleetAsked(), policy)
    assert layer == own and assumed == ["tpot_ms", "percentile"]
    other, _ = layer_asked(FleetAsked({"model": "llama-3.1-70b", "ttft_ms": 0.0}), policy)
    assert other.precision == "" and other.terms == "spot" and other.ttft_ms is None
    plain, _ = layer_asked(FleetAsked({"profile": "shipped"}), policy)
    assert plain.profile == ""
    picked, _ = layer_asked(FleetAsked(match=("model=a", "model=b", "agent=c")), policy)
    assert dict(picked.match) == {"model": ("a", "b"), "agent": ("c",)}


def test_wrong_options_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert policy_asked(FleetAsked()) is None
    with pytest.raises(UsageError, match="policy or none"):
        policy_asked(FleetAsked(policy=Path("p.yaml"), no_policy=True))
    with pytest.raises(UsageError, match="which model"):
        layer_asked(FleetAsked(), None)
    with pytest.raises(UsageError) as wrong:
        layer_asked(FleetAsked({"model": LLAMA, "speculation": "ngrm"}), None)
    assert wrong.value.where == "--speculate"


def test_a_policys_gpu_is_the_default_and_all_is_every_one() -> None:
    policy = Policy((SelfHost(model=LLAMA, gpu="l40s"),), "policy.yaml")
    assert with_gpu_of(FleetAsked(), policy).gpus == ("l40s",)
    assert with_gpu_of(FleetAsked(gpus=("h100",)), policy).gpus == ("h100",)
    assert with_gpu_of(FleetAsked(gpus=("all",)), policy).gpus == ()
    assert with_gpu_of(FleetAsked(), None).gpus == ()


def test_gpus_are_named_once_and_by_default_all_that_have_a_rent() -> None:
    layer = SelfHost(model=LLAMA, gpu="h100")
    rents = Rents(DAY)
    assert gpus_asked(FleetAsked(gpus=("h100", "h100_sxm", "l4")), layer, rents) == (
        "h100_sxm", "l4",
    )  # fmt: skip
    every = gpus_asked(FleetAsked(), layer, rents)
    assert {"h100_sxm", "l40s"} <= set(every)
    own = SelfHost(model=LLAMA, gpu="h100", usd_per_gpu_hour=1.0)
    with pytest.raises(UsageError, match="of which GPU"):
        gpus_asked(FleetAsked(), own, rents)
