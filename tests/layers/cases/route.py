"""Stories of `route`: `big` costs ten times `small` ($1 in, $10 out a million tokens)."""

from __future__ import annotations

from typing import Any

from costopt.layers.route import Route
from costopt.model.call import Call
from costopt.model.leaf import Leaf
from tests.billing.small import call, usage
from tests.layers.case import Case, Expect
from tests.layers.two_prices import TwoPrices

TIERS = (("simple", "small"), ("complex", "big"))
BOOK = TwoPrices()
NO_PICTURES = TwoPrices(pictures=False)
LABEL = "user:Complaint, praise or question? The lamp came broken."
TOOLS = "tools:[search]"


def ask(key: str, model: str = "big", text: str = LABEL, fresh: int = 500, **more: Any) -> Call:
    """One question in a session of its own, 20 tokens out."""
    answer = more.pop("answer", ["assistant:complaint"])
    columns = {"session_id": key, "model": model} | more
    return call(key, [text], usage(fresh, out=20), answer, **columns)


def judged(key: str, model: str, text: str, right: bool) -> Call:
    """A question whose answer somebody judged."""
    return ask(key, model, text, metadata={"correct": str(right).lower()})


PICTURE = ask("c0")
PICTURE.usage.leaves[Leaf.INPUT_IMAGE] = 85
LONG = ask("long", fresh=2_001)
TOOLED = call(
    "tooled", [TOOLS, LABEL], usage(500, out=20), ["call/search:x"], model="big", session_id="t"
)
LATER = call("later", [LABEL, "assistant:complaint", "user:sure?"], usage(500, out=20), ["assistant:yes"],
             model="big", session_id="l")  # fmt: skip
PAIRS = [judged("a-big", "big", "user:first?", True), judged("a-small", "small", "user:first?", True),
         judged("b-big", "big", "user:second?", True), judged("b-small", "small", "user:second?", False),
         ask("c-big", text="user:third?")]  # fmt: skip

CASES = [
    Case("a label needs no large model", Route(tiers=TIERS), [ask("c0"), LONG, TOOLED, LATER],
         Expect(
             touched=["c0"], at_risk=["c0"], model={"c0": "small", "long": "big"},
             input_tokens={"c0": 500}, output_tokens={"c0": 20}, charges={},
             # (500 x $10 + 20 x $100) / 1M = $0.007 becomes a tenth of it.
             saved_usd="0.0063",
             evidence={"moved_calls": 1, "asked_calls": 4, "decided_calls": 1, "kept": {},
                       "cached_share_before": 0.0, "cached_share_after": 0.0,
                       # $0.0063 saved at $0.0007 a step: nine more of them.
                       "break_even": {"sessions": 1, "steps_per_session": 1.0,
                                      "extra_steps_per_session": 9.0,
                                      "extra_late_steps_per_session": 9.0,
                                      "retries_per_moved_call": 9.0}},
         ), prices=BOOK),
    Case("noop: no tiers are named", Route(), [ask("c0")], Expect(nothing=True, saved_usd="0"),
         prices=BOOK),
    Case("noop: it is on the small model already", Route(tiers=TIERS), [ask("c0", "small")],
         Expect(nothing=True, evidence={"kept": {"same": 1}}), prices=BOOK),
    Case("noop: a model outside the tiers that is cheaper by list price", Route(tiers=TIERS),
         [ask("c0", "cheap")], Expect(nothing=True, evidence={"kept": {"stronger": 1}}), prices=BOOK),
    Case("a model outside the tiers that is dearer by list price", Route(tiers=TIERS),
         [ask("c0", "middle")], Expect(touched=["c0"], saved_usd="0.0021"), prices=BOOK),
    Case("noop: up is no saving, whatever the list says",
         Route(tiers=(("simple", "big"), ("complex", "small"))), [ask("c0", "big")],
         Expect(nothing=True, evidence={"kept": {"same": 1}}), prices=BOOK),
    Case("noop: a stronger tier that happens to be cheaper",
         Route(tiers=(("simple", "big"), ("complex", "small")),
               rules=(("complex", (("agent", ("planner",)),)),)),
         [ask("c0", "big")], Expect(nothing=True, evidence={"kept": {"stronger": 1}}), prices=BOOK),
    Case("noop: a target that reasons, and nobody knows how much",
         Route(tiers=(("simple", "o4-mini"), ("complex", "big"))), [ask("c0")],
         Expect(nothing=True, saved_usd="0", evidence={"kept": {"reasoning": 1}}), prices=BOOK),
    Case("a target that reasons: the stated upper end is billed",
         Route(tiers=(("simple", "o4-mini"), ("complex", "big")), reasoning_ratio=4.0), [ask("c0")],
         # 20 shown and 80 hidden: (500 x $1 + 100 x $10) / 1M = $0.0015.
         Expect(output_tokens={"c0": 100}, saved_usd="0.0055"), prices=BOOK),
    Case("from a model that reasons: it may think aloud",
         Route(tiers=TIERS),
         [call("c0", [LABEL], usage(500, out=20, reasoning=60), ["assistant:complaint"], model="big")],
         Expect(output_tokens={"c0": 80}, saved_usd="0.0117"), prices=BOOK),
    Case("noop: the small model is not sold in batch", Route(tiers=TIERS),
         [ask("c0", service_tier="batch")],
         Expect(nothing=True, evidence={"kept": {"no_price": 1}}), prices=BOOK),
    Case("noop: it does not fit in the small model's window",
         Route(tiers=(("simple", "gpt-4o-mini"), ("complex", "big")),
               rules=(("simple", (("agent", ("planner",)),)),)),
         [ask("c0", fresh=128_000)],  # 128,000 tokens in all, and 20 come out
         Expect(nothing=True, evidence={"kept": {"too_long": 1}}), prices=BOOK),
    Case("noop: a picture that the small model has no price for", Route(tiers=TIERS), [PICTURE],
         Expect(nothing=True, evidence={"kept": {"no_price": 1}}), prices=NO_PICTURES),
    Case("noop: what a replay measured of another move says nothing of this one",
         Route(tiers=(("simple", "o4-mini"), ("complex", "big"))), [ask("c0")],
         Expect(nothing=True), prices=BOOK,
         measured={"moves": {"middle -> o4-mini": {"reasoning_ratio": 2.0}}}),
    Case("by rule: agent and size, the cheapest tier that fits",
         Route(tiers=(("simple", "small"), ("moderate", "middle"), ("complex", "big")),
               rules=(("moderate", (("agent", ("plan*",)),)),
                      ("simple", (("task", ("label",)), ("max_input_tokens", 400))))),
         [ask("c0", task="label", fresh=400), ask("c1", task="label", fresh=401), ask("c2", agent="x")],
         Expect(model={"c0": "small", "c1": "middle", "c2": "big"}), prices=BOOK),
    Case("only what matches", Route(tiers=TIERS, match=(("agent", ("triage",)),)),
         [ask("c0"), ask("c1", agent="triage")], Expect(touched=["c1"]), prices=BOOK),
    Case("a cascade pays for both where the cheap answer is not taken", Route(tiers=TIERS, cascade=True),
         PAIRS,
         Expect(
             touched=["a-big"], charges={"route: cheap attempts": 520},
             # One moved: $0.0063 less. One tried in vain: $0.0007 more.
             saved_usd="0.0056",
             evidence={"rejected_attempts": 1, "kept": {"same": 2, "unknown": 1}},
         ), prices=BOOK),
    Case("a classifier that is asked: its tokens are charged for every call",
         Route(classifier="llm", tiers=TIERS, llm_model="small", decisions="workflow"),
         [ask("c0", workflow="simple"), ask("c1", workflow="complex")],
         # 300 of its own, the message, 5 out; twice.
         Expect(touched=["c0"], charges={"route: classifier": 2 * (305 + len(LABEL) - 5)}),
         prices=BOOK),
    Case("recorded decisions are taken as they are",
         Route(classifier="recorded", tiers=TIERS, decisions="workflow"),
         [ask("c0", workflow="simple"), ask("c1", workflow="?")], Expect(touched=["c0"]), prices=BOOK),
    Case("noop: nothing can be learnt without labels", Route(classifier="features", tiers=TIERS),
         [ask("c0"), ask("c1", "small")], Expect(nothing=True), prices=BOOK),
    Case("noop: nothing can be learnt from five labels", Route(classifier="features", tiers=TIERS),
         PAIRS, Expect(nothing=True), prices=BOOK),
    Case("what a replay measured of a move wins",
         Route(tiers=TIERS), [ask("c0")],
         Expect(output_tokens={"c0": 30}, risk=0.01),
         prices=BOOK,
         measured={"moves": {"big -> small": {"output_ratio": 1.5, "quality_loss": 0.01,
                                              "quality_ci95": [0.0, 0.03], "judged": 400}}}),
]  # fmt: skip
