"""Drafting and verifying on the step model: against it, against the simulator's view, and by load."""

from __future__ import annotations

import pytest

from costopt.serving.efficiency import Efficiencies
from costopt.serving.hardware import gpu
from costopt.serving.models import shape
from costopt.serving.precision import precision
from costopt.serving.speculation.arithmetic import Acceptance
from costopt.serving.speculation.costs import Steps, costs, drafter_of, memory, speculating
from costopt.serving.speculation.load import Yield, best_length, by_load, schedule
from costopt.serving.speculation.methods import METHODS, method
from costopt.serving.step import StepModel

CONTEXT = 600.0


def on(name: str, card: str = "h100_sxm", tp: int = 1) -> StepModel:
    """A model in its own precision, with the constants as they are before any data."""
    found = shape(name)
    return StepModel(gpu(card), found, precision("", found), tp=tp, efficiencies=Efficiencies())


@pytest.mark.parametrize("name", ["llama-3.1-8b", "gpt-oss-120b", "gemma-3-12b", "deepseek-v3"])
@pytest.mark.parametrize("batch", [1, 7, 64])
def test_without_drafts_a_step_is_the_step_models(name: str, batch: int) -> None:
    model = on(name, tp=8)
    assert Steps(model, CONTEXT).target_s(batch, 1) == pytest.approx(model.step_s(batch, CONTEXT))


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("batch", [1, 16, 200])
def test_the_simulator_reads_the_same_step(name: str, batch: int) -> None:
    model, g = on("llama-3.1-8b"), 3
    pair = on("llama-3.2-1b") if name == "draft_model" else None
    own = costs(model, method(name), CONTEXT, pair)
    read = speculating(model, method(name), g, 1024, 1024, pair)
    tokens = batch * (1 + g)
    step_s = (
        read.base_s + read.seq_s * batch + read.tokens_s[tokens] + read.head_s[tokens]
        + batch * read.kv_s * CONTEXT
    )  # fmt: skip
    assert step_s == pytest.approx(own.drafting(batch, g) + own.target(batch, 1 + g))


@pytest.mark.parametrize("name", METHODS)
def test_the_gain_falls_with_the_load_and_ends_as_a_loss(name: str) -> None:
    own = costs(
        on("llama-3.1-8b"),
        method(name),
        CONTEXT,
        on("llama-3.2-1b") if name == "draft_model" else None,
    )
    step = Yield.of(Acceptance.constant(0.7), 3)
    gains = [gain for _, gain in by_load(step, own, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 2048])]
    assert all(later < earlier + 1e-3 for earlier, later in zip(gains, gains[1:], strict=False))
    # Reading the cache of 600 tokens a sequence is shared by drafted and kept tokens: no loss by itself.
    assert (
        gains[-1] < gains[0]
        and costs(on("llama-3.1-8b"), method("eagle"), 1.0).gain(step, 4096) < 1
    )


def test_a_look_up_drafts_for_nothing_and_pays_for_verifying() -> None:
    own = costs(on("llama-3.1-8b"), method("ngram"), CONTEXT)
    assert own.drafting(64, 8) == 0.0
    assert own.target(64, 9) > own.target(64, 1)


def test_a_head_is_small_and_a_mixture_keeps_its_experts_only_in_its_own_layer() -> None:
    target = on("deepseek-v3", "h200_sxm", tp=8)
    layer, head = (
        drafter_of(target, method("mtp")).shape,
        drafter_of(target, method("eagle3")).shape,
    )
    assert (layer.layers, layer.experts) == (1, 256)
    assert (head.layers, head.experts, head.vocab) == (1, 0, 32_000)
    assert head.params < layer.params < 0.05 * target.shape.params


def test_a_dearer_drafter_gains_less() -> None:
    target = on("llama-3.1-70b", tp=4)
    step = Yield.of(Acceptance.constant(0.75), 4)
    by_size = [
        costs(target, method("draft_model"), CONTEXT, on(name, tp=4)).gain(step, 1)
        for name in ("llama-3.2-1b", "llama-3.2-3b", "llama-3.1-8b")
    ]
    assert by_size == sorted(by_size, reverse=True)


def test_the_best_draft_shortens_with_the_load() -> None:
    own = costs(on("llama-3.1-70b", tp=4), method("draft_model"), 100, on("llama-3.2-3b", tp=4))
    known = Acceptance.constant(0.8)
    few, many = (best_length(known, own, batch).draft_tokens for batch in (1, 2000))
    assert few > many


@pytest.mark.parametrize("name", ["llama-3.1-8b", "qwen3-32b", "gemma-3-12b"])
@pytest.mark.parametrize("how", ["eagle", "eagle3", "ngram"])
def test_of_a_dense_model_gain_and_draft_only_shorten_with_the_load(name: str, how: str) -> None:
    own, known = costs(on(name, tp=2), method(how), CONTEXT), Acceptance.constant(0.75)
    gains = [own.gain(Yield.of(known, 3), batch) for batch in range(1, 1024, 3)]
    assert all(later <= earlier for earlier, later in zip(gains, gains[1:], strict=False))
    lengths = [row[2] for row in schedule(known, own, 512)]
    assert lengths == sorted(lengths, reverse=True) and lengths[0] > lengths[-1]


@pytest.mark.parametrize(
    ("name", "tp"), [("qwen3-30b-a3b", 1), ("gpt-oss-120b", 1), ("deepseek-v3", 8)]
)
def test_of_a_mixture_drafts_wake_experts_until_all_are_awake(name: str, tp: int) -> None:
    own, step = costs(on(name, tp=tp), method("ngram"), 1.0), Yield.of(Acceptance.constant(0.75), 3)
    gains = [gain for _, gain in by_load(step, own, [2**n for n in range(14)])]
    # It falls from one sequence, rises while experts wake, and ends as a loss.
    valley = min(range(6), key=gains.__getitem__)
    assert valley > 0 and max(gains[valley:]) > 1.1 * gains[valley]
    assert gains[-1] < gains[-2] < 1


def test_memory_of_drafters() -> None:
    target = on("llama-3.1-8b")
    own = target.shape
    assert memory(target, method("suffix")).weight_bytes == 0
    # One layer: 218 M; the joining product 3 h^2 = 50 M; EAGLE-3's head 32,000 x 4,096 = 131 M; 2 bytes.
    head = memory(target, method("eagle3"))
    assert head.weight_bytes == pytest.approx(2 * (218.1e6 + 50.3e6 + 131.1e6), rel=0.01)
    # EAGLE shares the target's head.
    assert memory(target, method("eagle")).weight_bytes == pytest.approx(2 * 268.4e6, rel=0.01)
    assert head.kv_bytes_per_token == 2 * own.kv_heads * own.head_dim * 2
    small = on("llama-3.2-1b")
    whole = memory(target, method("draft_model"), small)
    assert whole.weight_bytes == pytest.approx(2 * small.shape.params, rel=0.01)
