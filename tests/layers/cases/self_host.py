"""Stories of `self_host`: an L40S at $3.60 an hour is $86.40 a day, whatever it does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from costopt.layers.batch import Batch
from costopt.layers.exact_cache import ExactCache
from costopt.layers.self_host import SelfHost
from costopt.model.call import Call, CallStatus
from costopt.model.leaf import Leaf
from tests.billing.small import call, usage
from tests.layers.case import Case, Expect

LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
OWN = SelfHost(model=LLAMA, gpu="l40s", tensor_parallel=1, usd_per_gpu_hour=3.6)
"""3.6 dollars an hour are a whole number of pico-dollars a second."""
QUESTION = "user:Complaint, praise or question? The lamp came broken."


def ask(key: str, model: str = "m", text: str = QUESTION, fresh: int = 500, **more: Any) -> Call:
    """One question in a session of its own, 20 tokens out: $0.0007 at the provider."""
    columns = {"session_id": key, "model": model} | more
    return call(key, [text], usage(fresh, out=20), ["assistant:complaint"], **columns)


PICTURE = ask("picture")
PICTURE.usage.leaves[Leaf.INPUT_IMAGE] = 85
SEARCHED = ask("searched")
SEARCHED.usage.web_searches = 1
THINKS = call("thinks", [QUESTION], usage(500, out=20, reasoning=60), ["assistant:complaint"])
PREFIX = "system:" + "s" * 1_500
STAYING = [
    call("a", [PREFIX, "user:a"], usage(1_501, out=1), ["assistant:x"], agent="leaves"),
    call("b", [PREFIX, "user:b"], usage(221, 1_280, out=1), ["assistant:x"], agent="stays"),
]


def one_by_one(n: int, **more: Any) -> list[Call]:
    return [ask(f"c{i}", text=f"user:Is letter {i} a complaint?", **more) for i in range(n)]


CASES = [
    Case("tokens cost nothing, the day's rent is charged", OWN, [ask("c0")],
         Expect(
             touched=["c0"], at_risk=["c0"], model={"c0": LLAMA}, provider={"c0": "own fleet"},
             input_tokens={"c0": 500}, output_tokens={"c0": 20}, charges={},
             saved_usd="-86.3993",
             evidence={"asked_calls": 1, "moved_calls": 1, "kept": {}, "gpu": "l40s", "gpus": 1,
                       "replicas": 1, "gpus_per_replica": 1, "precision": "bf16", "days": 1.0,
                       "rent_usd": 86.4, "api_usd": 0.0007, "keeps_level": True,
                       "rent_usd_a_day": {"charged": 86.4, "low": 86.4, "typical": 86.4, "high": 86.4},
                       "rent_source": "the policy's own price"},
         )),
    Case("only what matches", replace(OWN, match=(("agent", ("triage",)),)),
         [ask("c0"), ask("c1", agent="triage")], Expect(touched=["c1"], saved_usd="-86.3993")),
    Case("the rent of the hours that the policy names", replace(OWN, hours=48.0), one_by_one(3),
         Expect(touched=["c0", "c1", "c2"], saved_usd="-172.7979")),
    Case("two replicas because the policy says so", replace(OWN, replicas=2), one_by_one(3),
         Expect(saved_usd="-172.7979", evidence={"replicas": 2, "gpus": 2})),
    Case("from a model that reasons: it may think aloud", OWN, [THINKS],
         Expect(output_tokens={"thinks": 80}, saved_usd="-86.3987")),
    Case("batch loses its discount on what moves", OWN, [ask("c0", agent="nightly-digest")],
         Expect(
             # $0.0007 at the provider, $0.00035 in a batch, $86.40 on the machine.
             service_tier={"c0": "default"}, saved_usd="-86.3993",
             evidence={"api_usd": 0.00035},
         ),
         before=(Batch(),)),
    Case("noop: no model is named", SelfHost(), [ask("c0")], Expect(nothing=True, saved_usd="0")),
    Case("noop: failed, without a price, of several requests", OWN,
         [ask("f", status=CallStatus.FAILED), ask("u", model="unknown-x")],
         Expect(nothing=True, evidence={"kept": {"not_charged": 1}, "moved_calls": 0})),
    Case("noop: a picture, and a search by the provider", OWN, [PICTURE, SEARCHED],
         Expect(nothing=True, evidence={"kept": {"not_text": 1, "hosted": 1}})),
    Case("noop: longer than the context", replace(OWN, context_tokens=519), [ask("c0")],
         Expect(nothing=True, evidence={"kept": {"too_long": 1}})),
    Case("noop: a model that reasons, and nobody knows how much",
         replace(OWN, model="openai/gpt-oss-20b"), [ask("c0")],
         Expect(nothing=True, evidence={"kept": {"reasoning": 1}})),
    Case("a model that reasons: the stated upper end is served",
         replace(OWN, model="openai/gpt-oss-20b", reasoning_ratio=4.0), [ask("c0")],
         Expect(output_tokens={"c0": 100}, saved_usd="-86.3993")),
    Case("noop: the model does not fit the GPU",
         replace(OWN, model="meta-llama/Llama-3.1-70B-Instruct"), [ask("c0")],
         Expect(nothing=True, saved_usd="0", evidence={"moved_calls": 0})),
    Case("noop: nobody rents it so",
         replace(OWN, gpu="rtx_4090", usd_per_gpu_hour=None, terms="reserved"), [ask("c0")],
         Expect(nothing=True, saved_usd="0",
                evidence={"reason": "no reserved price of rtx_4090 is known"})),
    Case("published rents: the middle one is charged", replace(OWN, usd_per_gpu_hour=None),
         [ask("c0")], Expect(touched=["c0"])),
    Case("what stays at the provider finds its prompt cache cold",
         replace(OWN, match=(("agent", ("leaves",)),)), STAYING,
         # a: 1,501 x $1 + 1 x $10 a million less; b: 1,280 x $0.90 more.
         Expect(touched=["a"], saved_usd="-86.399641")),
    Case("what a cache answers is served by no machine", OWN, [ask("c0"), ask("c1")],
         Expect(touched=["c0"], saved_usd="-86.3986", evidence={"moved_calls": 1}),
         before=(ExactCache(),)),
    Case("what a replay measured of a move wins", OWN, [ask("c0")],
         Expect(output_tokens={"c0": 30}, input_tokens={"c0": 550}, risk=0.01),
         measured={"input_ratio": 1.1, "input_ratio_ci95": [1.05, 1.15],
                   "moves": {f"m -> {LLAMA}": {"output_ratio": 1.5, "quality_loss": 0.01,
                                               "quality_ci95": [0.0, 0.03], "judged": 400}}}),
]  # fmt: skip
