"""The fault server itself: what is judged by its log must be able to rely on it."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

from costopt.endpoints.openai_compatible import OpenAICompatible
from tests.endpoints.asking import ask, completed, one, request
from tests.endpoints.behaviour import CHARGED, Behaviour
from tests.endpoints.fault_server import read_log, running, spawned


def test_its_log_is_written_before_it_answers_and_says_what_was_charged(tmp_path: Path) -> None:
    log = tmp_path / "seen.jsonl"
    with spawned(
        log, "--script", "ok,429,cut,close_after,close_before", "--rate-limit", "9"
    ) as url:
        ask(OpenAICompatible, url, *[request()] * 6)
        seen, whole = read_log(log)
    assert [line["kind"] for line in seen] == [
        "ok",
        "429",
        "cut",
        "close_after",
        "close_before",
        "ok",
    ]
    assert [line["charged"] for line in seen] == [line["kind"] in CHARGED for line in seen]
    assert [whole[n] for n in range(6)] == [True, True, False, False, False, True]
    assert all((line["output"] > 0) is line["charged"] for line in seen)


def test_the_same_seed_makes_the_same_trouble() -> None:
    def kinds(seed: int) -> list[str]:
        with running(Behaviour(seed=seed, faults="429:0.3,500:0.2,json:0.1")) as server:
            ask(OpenAICompatible, server.url, *[request()] * 25)
        return [line["kind"] for line in server.seen]

    assert kinds(1) == kinds(1) != kinds(2)
    assert {"ok", "429"} <= set(kinds(1))


def test_usage_can_be_doubled_constant_or_absent() -> None:
    def counts(usage: str, text: str = "a b c") -> Any:
        with running(Behaviour(usage=usage)) as server:
            found = completed(one(OpenAICompatible, server.url, request(text), stream=False))
        return found.answer.leaves and sum(found.answer.leaves)

    assert counts("doubled") == 2 * counts("real")
    assert counts("constant") == counts("constant", "many more words than before") == 30
    assert counts("none") is None


def test_answers_depend_on_the_request_alone_unless_noise_is_wanted() -> None:
    def said(**how: Any) -> list[str]:
        with running(Behaviour(**how)) as server:
            found, _ = ask(OpenAICompatible, server.url, *[request()] * 6)
        return [completed(o).answer.blocks[0].text for o in found]

    assert len(set(said())) == 1 and said() == said(seed=9)
    assert len(set(said(noise=1.0, words=30))) > 3


def test_its_prompt_cache_reports_the_longest_shared_prefix() -> None:
    with running(Behaviour(cache="prefix", cache_block=8)) as server:
        long = " ".join(f"w{n}" for n in range(40))
        asked = [request(long), request(long + " more"), request("other " + long)]
        ask(OpenAICompatible, server.url, *asked)
    size = server.seen[0]["input"]
    assert [line["read"] for line in server.seen] == [0, size // 8 * 8, 0]


def test_other_paths_and_the_list_of_models_answer_too() -> None:
    with (
        running(Behaviour(models="a,b")) as server,
        urllib.request.urlopen(f"{server.url}/v1/models") as answer,
    ):
        assert [m["id"] for m in json.load(answer)["data"]] == ["a", "b"]
