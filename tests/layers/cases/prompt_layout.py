"""Stories of `prompt_layout`: one token a byte; the fake cache begins at 1,024 in steps of 128."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

from costopt.layers.prompt_layout import PromptLayout
from costopt.model.call import Breakpoint, Call, CallStatus, Segment, SegmentKind
from costopt.prices.contract import CacheRules
from tests.billing.small import call, seg, usage
from tests.fakes import FakeBook
from tests.layers.case import Case, Expect

RULES = "You answer questions about orders.\n" + "Be brief, be kind, be right.\n" * 60
CLOCK = "The time is 10:0{}:00.\n"
ANSWER = "assistant:It is on its way."


class MarkBook(FakeBook):
    """A provider that caches only up to marks."""

    def cache_rules(self, provider: str, model: str, at_us: int | None) -> CacheRules:
        rules = super().cache_rules(provider, model, at_us)
        return replace(rules, mode="breakpoint", step_tokens=1, write_multiplier_ppm=1_250_000)


class NoCache(FakeBook):
    """A provider without a prompt cache."""

    def cache_rules(self, provider: str, model: str, at_us: int | None) -> CacheRules:
        return replace(super().cache_rules(provider, model, at_us), mode="none")


def size(request: list[str]) -> int:
    """Bytes, so tokens."""
    return sum(len(s.partition(":")[2]) for s in request)


def fresh(key: str, request: list[str], **more: object) -> Call:
    """A call that read nothing from the cache."""
    return call(key, request, usage(size(request), out=10), [ANSWER], **more)


def chat(prompts: list[str], session: str = "s", **more: object) -> list[Call]:
    """A session: every call has a system prompt of its own; the history grows."""
    said, out = ["user:where is order 1042?"], []
    for i, prompt in enumerate(prompts):
        out.append(fresh(f"{session}{i}", [f"system:{prompt}", *said], session_id=session, **more))
        said += [ANSWER, f"user:and order {i}?"]
    return out


def clocked(session: str = "s") -> list[Call]:
    """A clock on top of every prompt."""
    return chat([CLOCK.format(i) + RULES for i in range(4)], session)


def named(i: int) -> str:
    """A prompt that names its customer in the middle."""
    half = len(RULES) // 2 // 29 * 29 + 6  # at the end of a line
    return f"{RULES[:half]}The customer is called number-{i}.\n{RULES[half:]}"


FRONT, BACK = named(0).split("The customer is called number-0.\n")
TOOLS = [f'tools/t{i}:{{"name": "t{i}", "does": "{"x" * 400}"}}' for i in range(4)]


def shuffled(i: int) -> list[str]:
    """The same tools; every fourth call sends them the other way round."""
    return TOOLS[::-1] if i % 4 == 3 else TOOLS


def asked(key: str, request: list[str], **more: object) -> Call:
    return fresh(key, [*request, f"user:question {key}"], session_id=key, **more)


def marked(key: str, session: str, prompt: str, said: list[str]) -> Call:
    """A call to a provider that wants marks, with one behind its prompt, which it wrote."""
    made = fresh(key, [f"system:{prompt}", *said], session_id=session, provider="anthropic")
    assert made.request is not None
    made.request[0] = replace(made.request[0], breakpoint=Breakpoint.TTL_5M)
    made.usage = usage(size(said), 0, len(prompt), 10)
    return made


def failed() -> list[Call]:
    out = clocked()
    out[1].status, out[1].response = CallStatus.FAILED, None
    return out


def hashed() -> list[Call]:
    """The same calls as a share without text has them."""
    out = clocked()
    for n, c in enumerate(out):
        c.request = [
            Segment(s.kind, "", digest=bytes([n if s.kind == SegmentKind.SYSTEM else 9, i]) * 8,
                    tokens=len(s.text))
            for i, s in enumerate(c.request or ())
        ]  # fmt: skip
    return out


def unmarked() -> list[Call]:
    """Clocks in prompts that want marks; the log shows none, but what they wrote: all of it, each time."""
    out = chat([CLOCK.format(i) + RULES for i in range(4)], provider="anthropic")
    for c in out:
        c.usage = usage(3, 0, c.usage.input_tokens - 3, 10)
    return out


def flags_of(case: Case) -> list[list[int]]:
    """Cache marks behind the case's layer, request by request."""
    evaluator = case.evaluator()
    request = evaluator.state(case.layers).view.request
    return [request.flags[a:b].tolist() for a, b in pairwise(request.offsets.tolist())]


SHORT = "Sort the letter into one of four kinds.\n" * 23  # 920 of 1,024
QUIET: dict[str, Any] = {"order": False, "breakpoints": False, "pad": 0.0}

CASES = [
    Case("a clock on top goes behind the history, and everything before it is cached",
         PromptLayout(), clocked(),
         Expect(
             touched=["s0", "s1", "s2", "s3"], at_risk=[], risk=0.0, charges={},
             request={"s0": [f"system:{RULES}", "user:where is order 1042?", "system:" + CLOCK.format(0)],
                      "s1": [f"system:{RULES}", "user:where is order 1042?", ANSWER, "user:and order 0?",
                             "system:" + CLOCK.format(1)]},
             # The clock is a message of its own now: 4 tokens more.
             input_tokens={"s0": len(RULES) + 20 + 22 + 4},
             evidence={"moved_segments": 4, "volatile_slots": 1, "tokens_added": 16,
                       "left_as_dearer": 0, "cached_share_before": 0.0},
         )),
    Case("switched off part by part", PromptLayout(volatile=False), clocked(), Expect(nothing=True)),
    Case("noop: nothing that changes", PromptLayout(), chat([RULES] * 4), Expect(nothing=True)),
    Case("noop: a prompt that was edited once", PromptLayout(),
         chat([RULES + "Old end.\n"] * 2 + [RULES + "New end.\n"] * 2), Expect(nothing=True)),
    Case("noop: no cache for this model", PromptLayout(), clocked(),
         Expect(nothing=True, tally={"calls_without_cache": 4}), prices=NoCache()),
    Case("noop: a batch in which no read keeps its discount", PromptLayout(),
         chat([CLOCK.format(i) + RULES for i in range(4)], service_tier="batch"), Expect(nothing=True)),
    Case("noop: prompts without text", PromptLayout(), hashed(),
         Expect(nothing=True, evidence={"calls_without_text": 4})),
    Case("a failed call keeps its prompt", PromptLayout(), failed(),
         Expect(touched=["s0", "s2", "s3"])),
    Case("a name that only sessions tell apart goes behind what they share", PromptLayout(**QUIET),
         [c for i in range(4) for c in chat([named(i)] * 2, f"n{i}")],
         Expect(
             request={"n10": [f"system:{FRONT}{BACK}", "system:The customer is called number-1.\n",
                              "user:where is order 1042?"]},
             evidence={"moved_segments": 8, "tokens_added": 0},
         )),
    Case("a name behind everything else loses nothing where it stands", PromptLayout(**QUIET),
         [c for i in range(4) for c in chat([f"{RULES}The customer is number-{i}.\n"] * 2, f"n{i}")],
         Expect(nothing=True)),
    Case("a clock and a name each find their place", PromptLayout(**QUIET),
         [c for i in range(4) for c in
          chat([CLOCK.format(2 * i + k) + named(i) for k in range(2)], f"n{i}")],
         Expect(request={"n10": [
             f"system:{FRONT}{BACK}", "system:The customer is called number-1.\n",
             "user:where is order 1042?", "system:" + CLOCK.format(2)]},
             evidence={"volatile_slots": 1, "moved_segments": 16})),
    Case("a template in the first message, where asked", PromptLayout(messages=True, **QUIET),
         [fresh(f"c{i}", [f"user:Case {i} of ours.\n{RULES}"], session_id=f"c{i}") for i in range(4)],
         Expect(request={"c2": [f"user:{RULES}", "user:Case 2 of ours.\n"]})),
    Case("noop: a template in the first message", PromptLayout(),
         [fresh(f"c{i}", [f"user:Case {i} of ours.\n{RULES}"], session_id=f"c{i}") for i in range(4)],
         Expect(nothing=True)),
    Case("tools in one order", PromptLayout(),
         [asked(f"c{i}", shuffled(i)) for i in range(8)],
         Expect(touched=["c3", "c7"], request={"c3": [*TOOLS, "user:question c3"]},
                evidence={"reordered_calls": 2, "tokens_added": 0})),
    Case("what all sessions share in front of what one has", PromptLayout(),
         [asked(f"c{i}", [f"system:For customer {i}.", f"system:{RULES}"]) for i in range(3)],
         Expect(request={"c1": [f"system:{RULES}", "system:For customer 1.", "user:question c1"]})),
    Case("a prompt just under the minimum is padded to it", PromptLayout(),
         [asked(f"c{i}", [f"system:{SHORT}"]) for i in range(6)],
         # Five of six calls read 1,024 of 1,034: worth 104 tokens more in each.
         Expect(evidence={"padded_calls": 6, "tokens_added": 6 * 104},
                input_tokens={"c0": 1_024 + len("question c0")})),
    Case("noop: padding by more than was allowed", PromptLayout(pad=0.1),
         [asked(f"c{i}", [f"system:{SHORT}"]) for i in range(6)], Expect(nothing=True)),
    Case("noop: padding that two calls an hour apart would pay for", PromptLayout(),
         [asked(f"c{i}", [f"system:{SHORT}"]) for i in range(2)],
         Expect(nothing=True, evidence={"left_as_dearer": 2}), gap_s=3_600),
    Case("marks for an agent that never set any", PromptLayout(), chat([RULES] * 4, provider="anthropic"),
         Expect(touched=["s0", "s1", "s2", "s3"], evidence={"marked_calls": 4, "tokens_added": 0}),
         prices=MarkBook()),
    Case("noop: marks that nobody would read", PromptLayout(),
         [asked(f"c{i}", [f"system:{RULES}{i}"], agent=f"a{i}") for i in range(3)],
         Expect(nothing=True), prices=MarkBook()),
    Case("shown as a rise where asked", PromptLayout(only_if_cheaper=False),
         [asked(f"c{i}", [f"system:{RULES}{i}"], agent=f"a{i}") for i in range(3)],
         Expect(touched=["c0", "c1", "c2"]), prices=MarkBook()),
    Case("a mark stays on what the prompts share", PromptLayout(),
         [marked(f"m{i}{k}", f"m{i}", named(i), ["user:where is order 1042?"] * (k + 1))
          for i in range(3) for k in range(2)],
         Expect(request={"m10": [f"system:{FRONT}{BACK}", "system:The customer is called number-1.\n",
                                 "user:where is order 1042?"]}),
         prices=MarkBook()),
    Case("marks that only the usage tells of are set anew around what moved", PromptLayout(), unmarked(),
         Expect(touched=["s0", "s1", "s2", "s3"], evidence={"moved_segments": 4, "marked_calls": 4}),
         prices=MarkBook()),
    Case("a clock in the first message goes to the end as well", PromptLayout(messages=True, **QUIET),
         [fresh(f"c{i}", [f"user:{CLOCK.format(i)}{RULES}", *[ANSWER, "user:more"] * i]) for i in range(4)],
         Expect(request={"c2": [f"user:{RULES}", *[ANSWER, "user:more"] * 2, "user:" + CLOCK.format(2)]})),
    Case("noop: another agent was asked for", PromptLayout(match=(("agent", ("writer*",)),)), clocked(),
         Expect(nothing=True)),
    Case("an answer begun for the model stays last", PromptLayout(),
         [replace(c, request=[*(c.request or ()), seg("assistant:{")]) for c in clocked()],
         Expect(request={"s0": [f"system:{RULES}", "user:where is order 1042?",
                                "system:" + CLOCK.format(0), "assistant:{"]})),
]  # fmt: skip
