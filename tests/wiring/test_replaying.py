"""The parts of a replay that are wired: wishes, places, the question, files, and one first request."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from costopt.endpoints.connection import Connection
from costopt.engine.policy import Policy
from costopt.errors import UsageError
from costopt.model.exchange import (
    Answer,
    Completion,
    Origin,
    Outcome,
    Refusal,
    Request,
    Trouble,
)
from costopt.replay.items import Plan
from costopt.wiring.policy.load import parse_policy
from costopt.wiring.replaying.asked import Asked, asked_of
from costopt.wiring.replaying.batches import RoutedBatches
from costopt.wiring.replaying.files import diff_text, fenced
from costopt.wiring.replaying.first_alone import FirstAlone
from costopt.wiring.replaying.go_on import command
from costopt.wiring.replaying.metrics import Counters
from costopt.wiring.replaying.places import key_of, places_of, serving, speaks_for
from costopt.wiring.replaying.question import may_send
from costopt.wiring.replaying.wishes import Wishes
from costopt.wiring.request import TraceOptions
from tests.endpoints.metrics_server import metrics_server, vllm_page
from tests.report.replayed import info
from tests.report.sample import EVIL

OPTIONS = TraceOptions()
LOCAL = "http://127.0.0.1:8000/v1"
SECTION = (
    f"version: 1\nlayers: []\nreplay: {{base_url: '{LOCAL}', api_key_env: KEY, budget_usd: 20.00,"
    " concurrency: 3, model_map: {a: b}, sample: 7, max_output_tokens: 99, cold: true, judge: j,"
    " embedder: none}\n"
)


def asked(text: str = "version: 1\nlayers: []\n", **wishes: Any) -> Asked:
    return asked_of(OPTIONS, Wishes(**wishes), parse_policy(text))


def test_what_is_not_typed_is_the_policys() -> None:
    found = asked(SECTION)
    terms = found.terms
    assert (terms.budget_pusd, terms.concurrency, terms.sample) == (20 * 10**12, 3, 7)
    assert (terms.model_map, terms.cap_tokens, terms.cold, terms.judge) == (
        {"a": "b"},
        99,
        True,
        "j",
    )
    assert found.embedder == "none" and found.endpoint == "127.0.0.1:8000" and found.free
    typed = asked(SECTION, budget="$0.5", concurrency=5, model_map=["a=c", "d=e"], target_ci=4.0)
    assert typed.terms.budget_pusd == 5 * 10**11 and typed.terms.concurrency == 5
    assert typed.terms.model_map == {"a": "c", "d": "e"}
    assert typed.terms.sample is None and typed.terms.target_ci_pp == 4.0


def test_without_an_endpoint_models_keep_their_names() -> None:
    found = asked(SECTION, base_url="recorded")
    assert found.recorded and found.terms.model_map == {} and found.terms.judge == ""
    assert found.endpoint == "recorded answers" and not found.terms.batch


def test_a_key_goes_only_where_it_was_named_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-one")
    monkeypatch.setenv("KEY", "sk-two")
    section = parse_policy(SECTION).replay
    (own,) = places_of(Wishes(), section)
    assert key_of(own) == "sk-two"
    (other,) = places_of(Wishes(base_url="http://127.0.0.1:9/v1"), section)
    assert key_of(other) is None
    (public,) = places_of(Wishes(base_url="https://openrouter.ai/api/v1"), section)
    assert key_of(public) is None
    (openai,) = places_of(Wishes(base_url="https://api.openai.com/v1"), section)
    assert key_of(openai) == "sk-one" and openai.batch and not openai.private
    assert "sk-" not in repr((own, openai))


def test_one_endpoint_a_provider() -> None:
    text = (
        "version: 1\nlayers: []\nreplay:\n  endpoints:\n"
        f"    openai: {{base_url: '{LOCAL}'}}\n    anthropic: {{base_url: 'http://127.0.0.1:1'}}\n"
    )
    places = asked(text).places
    assert [(p.provider, p.api) for p in places] == [
        ("openai", "openai"),
        ("anthropic", "anthropic"),
    ]
    assert speaks_for(places) == ("openai", "anthropic")
    assert serving(places, ["openai"])["openai"].base_url == LOCAL
    with pytest.raises(UsageError, match="no endpoint is named for the calls of google"):
        serving(places, ["google", "openai"])
    live = asked(live=True).places
    assert [p.host for p in live] == ["api.openai.com", "api.anthropic.com"]
    assert all(p.batch for p in live) and not any(
        p.batch for p in asked(live=True, batch=False).places
    )
    assert asked(SECTION, batch=True).terms.batch


def plan(worst: int) -> Plan:
    return Plan("p", (), {}, (), worst // 2, worst, {})


def test_the_question_names_place_count_and_price() -> None:
    said: list[str] = []

    def answer(text: str) -> Any:
        return lambda line: said.append(line) or text

    found = asked(SECTION)
    assert may_send(plan(2 * 10**12), found, OPTIONS, answer("y"))
    assert not may_send(plan(2 * 10**12), found, OPTIONS, answer(""), 10**11)
    assert "to 127.0.0.1:8000: $1.00 expected, $2.00 at worst, budget $20.00. Send it?" in said[0]
    assert "a judge at most $0.10 more" in said[1]
    assert may_send(plan(0), found, OPTIONS)
    assert may_send(plan(5), asked(), OPTIONS)
    assert may_send(plan(5), found, replace(OPTIONS, yes=True))
    assert may_send(plan(5), asked(SECTION, budget="1"), OPTIONS)
    with pytest.raises(UsageError, match="Nobody is there to be asked"):
        may_send(plan(5), found, OPTIONS)


def test_the_command_to_go_on_holds_what_was_typed() -> None:
    options = TraceOptions(traces=["my log.jsonl"], where=["agent=a b"], db=Path("x.duckdb"))
    wishes = Wishes(base_url=LOCAL, model_map=["a=b"], budget="2", isolate=False, batch=False)
    text = command(options, Path("other.yaml"), wishes, "--yes")
    assert text == (
        f"costopt replay --policy other.yaml --base-url {LOCAL} --model-map a=b --budget 2 --db x.duckdb"
        " --where 'agent=a b' --no-isolate --no-batch --yes"
    )
    assert command(OPTIONS, None, Wishes()) == "costopt replay"


def test_nothing_breaks_out_of_the_diff() -> None:
    evil = "```\n# heading\n``````` <script>\x1b[2J sk-proj-abcdefghijklmnop1234"
    lines = fenced(evil)
    assert lines[0] == "````````text" and lines[-1] == "````````"
    assert all("\x1b" not in line for line in lines) and "abcdefghijklmnop" not in "\n".join(lines)
    text = diff_text(info(EVIL))
    assert "\x1b" not in text and "\u202e" not in text
    outside, inside = [], False
    for line in text.splitlines():
        inside = inside != line.startswith("```")
        outside += [] if inside else [line]
    assert not any("<script>" in line for line in outside)
    assert "No answer differed" in diff_text(info(worst=[]))


class Fake:
    """Says what it is told, and remembers what reached it."""

    name, origin, notes = "fake", Origin.ENDPOINT, ("a note",)

    def __init__(self, *outcomes: Outcome) -> None:
        self._outcomes = list(outcomes)
        self.sent: list[str] = []
        self.under_way = self.most = 0

    async def complete(self, request: Request, item: str) -> Outcome:
        self.sent.append(request.model)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0.01)
        self.under_way -= 1
        return self._outcomes.pop(0) if self._outcomes else ANSWER

    async def close(self) -> None: ...


ANSWER = Completion(Answer((), "stop", None), Origin.ENDPOINT, {}, 1.0)


def sent(endpoint: FirstAlone, *models: str) -> list[Outcome]:
    async def all_at_once() -> list[Outcome]:
        return list(await asyncio.gather(
            *(endpoint.complete(Request("openai", m, ()), str(i)) for i, m in enumerate(models))
        ))  # fmt: skip

    return asyncio.run(all_at_once())


def test_a_refused_first_request_is_the_only_one() -> None:
    fake = Fake(Refusal(Trouble.STOP, "no such model"))
    outcomes = sent(FirstAlone(fake), *["m"] * 8)
    assert len(fake.sent) == 1
    troubles = [o.trouble for o in outcomes if isinstance(o, Refusal)]
    assert troubles == [Trouble.STOP, *[Trouble.NOT_SENT] * 7]


def test_after_the_first_answer_all_others_go_side_by_side() -> None:
    fake = Fake(Refusal(Trouble.NOT_SENT, "nothing listens"))
    outcomes = sent(FirstAlone(fake), *["m"] * 8)
    assert len(fake.sent) == 8 and fake.most == 6  # two went alone: the first never arrived
    assert sum(isinstance(o, Completion) for o in outcomes) == 7
    two = Fake()
    sent(FirstAlone(two), "a", "b", "a", "b")
    assert two.most == 2
    assert FirstAlone(two).notes == ("a note",) and FirstAlone(two).name == "fake"


def test_who_waited_long_for_a_first_answer_goes() -> None:
    fake = Fake()
    sent(FirstAlone(fake, patience_s=0.001), "m", "m", "m")
    assert fake.most == 3


class FakeBatch:
    """A batch API with one job."""

    origin = Origin.ENDPOINT

    def __init__(self, name: str, job: str | None) -> None:
        self.name, self._job = name, job

    async def submit(self, requests: Any, mark: str) -> str:
        return f"{self.name}-{mark}"

    async def find(self, mark: str) -> str | None:
        return self._job

    async def collect(self, job: str) -> Any:
        return {job: ANSWER}

    async def close(self) -> None: ...


def test_a_batch_job_knows_whose_it_is() -> None:
    async def life() -> None:
        both = RoutedBatches({"openai": FakeBatch("o", None), "anthropic": FakeBatch("a", "j")})
        line = ("i", Request("anthropic", "m", ()))
        job = await both.submit([line], "mark")
        assert job == "anthropic a-mark"
        assert await both.collect(str(job)) == {"a-mark": ANSWER}
        assert await both.find("x") == "anthropic j"
        other = await both.submit([("i", Request("google", "m", ()))], "mark")
        assert isinstance(other, Refusal) and other.trouble is Trouble.REFUSED
        assert both.name == "o, a" and both.origin is Origin.ENDPOINT
        await both.close()

    asyncio.run(life())


def test_a_policy_without_a_section_replays_the_log() -> None:
    assert asked_of(OPTIONS, Wishes(), Policy(())).recorded


def test_a_servers_own_counters_are_taken_around_the_run() -> None:
    pages = [vllm_page(queries=100, hits=10), vllm_page(queries=300, hits=160)]
    with metrics_server(pages) as url:
        counters = Counters([Connection(f"{url}/v1"), Connection(f"{url}/v1")])
        found = counters.difference()
    assert found["server"] == "vllm" and found["prefix_cache_hit_rate"] == pytest.approx(0.75)
    assert Counters([Connection("https://api.openai.com/v1", "sk-x")]).difference() == {}
