"""Gains out of the simulator: the arithmetic where the batch is full, and what a queue makes of drafts."""

from __future__ import annotations

import numpy as np
import pytest

from costopt.serving.core.run import simulate
from costopt.serving.core.terms import Limits, Run, StepCost, Workload
from costopt.serving.efficiency import Efficiencies
from costopt.serving.hardware import gpu
from costopt.serving.models import shape
from costopt.serving.precision import precision
from costopt.serving.speculation.arithmetic import Acceptance
from costopt.serving.speculation.costs import TODAY, Habits, costs, drafter_of, speculating
from costopt.serving.speculation.load import Yield
from costopt.serving.speculation.methods import method
from costopt.serving.step import StepModel

DRAFTED = 3
OUTPUT = 800
CHANCE = Acceptance.constant(0.7)


def on(name: str, tp: int = 1) -> StepModel:
    found = shape(name)
    return StepModel(gpu("h100_sxm"), found, precision("", found), tp, efficiencies=Efficiencies())


def run(load: Workload, cost: StepCost, drafted: int, tokens: float) -> Run:
    limits = Limits(
        load.concurrency or 256, 8192, 1 << 20, draft_tokens=drafted, tokens_per_step=tokens
    )
    return simulate(load, cost, limits)


def always(concurrency: int, prompt: int = 1) -> Workload:
    n = 3 * concurrency
    tokens = np.full(n, prompt), np.full(n, OUTPUT)
    return Workload(np.zeros(n), *tokens, concurrency)


def steps_of(model: StepModel, name: str, concurrency: int, habits: Habits = TODAY) -> StepCost:
    pair = on("llama-3.2-1b") if name == "draft_model" else None
    sampled = concurrency * (1 + DRAFTED) + 1
    return speculating(model, method(name), DRAFTED, 8192, sampled, pair, habits)


@pytest.mark.parametrize("name", ["draft_model", "eagle", "eagle3", "ngram"])
@pytest.mark.parametrize("concurrency", [1, 12, 64])
def test_a_full_batch_gains_what_the_arithmetic_says(name: str, concurrency: int) -> None:
    model, step = on("llama-3.1-8b"), Yield.of(CHANCE, DRAFTED)
    pair = on("llama-3.2-1b") if name == "draft_model" else None
    said = costs(model, method(name), OUTPUT / 2, pair).gain(step, concurrency)
    load = always(concurrency)
    plain = run(load, model.cost(8192, concurrency + 1), 0, 1.0)
    fast = run(load, steps_of(model, name, concurrency), DRAFTED, step.tokens)
    assert plain.span_s / fast.span_s == pytest.approx(said, rel=0.03)
    # Fewer forward passes, by the tokens a step: nothing else makes it faster.
    assert plain.totals.steps / fast.totals.steps == pytest.approx(step.tokens, rel=0.02)


def test_an_engine_that_waits_gains_less_and_the_simulator_agrees() -> None:
    model, step, batch = on("llama-3.1-8b"), Yield.of(CHANCE, DRAFTED), 16
    waiting = Habits(waits=True)
    said = costs(model, method("eagle3"), OUTPUT / 2, habits=waiting).gain(step, batch)
    assert said < 0.95 * costs(model, method("eagle3"), OUTPUT / 2).gain(step, batch)
    hidden = model.cost(8192, batch + 1)
    hidden = hidden._replace(base_s=hidden.base_s - model.eff.step_s, seq_s=0.0)
    plain = run(always(batch), hidden, 0, 1.0)
    fast = run(always(batch), steps_of(model, "eagle3", batch, waiting), DRAFTED, step.tokens)
    assert plain.span_s / fast.span_s == pytest.approx(said, rel=0.03)


def test_a_pass_by_pass_drafter_pays_for_every_launch() -> None:
    model = on("llama-3.1-8b")
    one, each = (
        costs(model, method("eagle3"), 300, habits=Habits(graphed=told)).drafting(4, DRAFTED)
        for told in (True, False)
    )
    assert each - one == pytest.approx((DRAFTED - 1) * model.eff.step_s)


def test_prompts_are_not_shortened_by_drafts() -> None:
    model, step, batch = on("llama-3.1-8b"), Yield.of(CHANCE, DRAFTED), 16
    gains = []
    for prompt in (1, 500, 4000):
        load = always(batch, prompt)
        plain = run(load, model.cost(8192, batch + 1), 0, 1.0)
        fast = run(load, steps_of(model, "eagle3", batch), DRAFTED, step.tokens)
        gains.append(plain.span_s / fast.span_s)
    assert gains == sorted(gains, reverse=True) and gains[0] > 1.05 * gains[2]


def test_the_drafter_reads_prompts_too() -> None:
    model = on("llama-3.1-70b", tp=4)
    pair = on("llama-3.2-3b", tp=4)
    read = speculating(model, method("draft_model"), DRAFTED, 4096, 64, pair)
    plain, own = model.cost(4096, 64), pair.cost(4096, 64)
    assert read.tokens_s[2000] == pytest.approx(plain.tokens_s[2000] + own.tokens_s[2000])
    assert read.mixed_s == plain.mixed_s + own.mixed_s


def test_a_tree_verifies_its_nodes_and_drafts_its_depth() -> None:
    model, verified, batch = on("llama-3.1-8b"), 20, 4
    read = speculating(
        model, method("eagle3"), DRAFTED, 1024, 1024, None, TODAY, verified
    )  # fmt: skip
    positions = batch * (1 + verified)
    head = drafter_of(model, method("eagle3"))
    sure = model.head_s(np.array([float(positions)]))[0] + model.eff.seq_s * batch * verified
    passes = DRAFTED * head.head_s(np.array([float(batch)]))[0]
    assert read.head_s[positions] > sure + passes
    chain = speculating(model, method("eagle3"), DRAFTED, 1024, 1024)
    extra = read.head_s[positions] - sure
    assert extra == pytest.approx(
        chain.head_s[batch * (1 + DRAFTED)]
        - model.head_s(np.array([float(batch * (1 + DRAFTED))]))[0]
        - model.eff.seq_s * batch * DRAFTED
    )
