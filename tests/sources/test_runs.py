"""Runs of agents: every call its text, every run its totals."""

from __future__ import annotations

import json
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from costopt.model.call import Call, Segment, UsageState
from costopt.sources._runs import models_in, shares, usd_shares
from costopt.sources.tau_bench import models_of
from tests.sources.reading import SAMPLES, read, totals


def words(blocks: list[Segment] | None) -> list[str]:
    return [s.text for s in blocks or ()]


def spent(calls: list[Call]) -> Decimal:
    return sum((Decimal(c.recorded_usd) for c in calls if c.recorded_usd), Decimal(0))


def test_shares_sum_to_the_total_exactly() -> None:
    assert shares(10, [1, 1, 1]) == [3, 3, 4]
    assert shares(7, [0, 0]) == [3, 4]
    assert shares(0, []) == []
    assert usd_shares("0.1", [1, 2]) == ["0.033333333333", "0.066666666667"]
    assert usd_shares(None, [1]) == [None]


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("20240825_SWE-agent_gpt-4o-mini-2024-07-18/trajs", "gpt-4o-mini-2024-07-18"),
        ("t/u/anthropic__claude-3-5-sonnet-20241022__t-0.00__p-1.00", "claude-3-5-sonnet-20241022"),
        ("home/o1/runs", None),
        ("qwen2.5-coder-32b-instruct", "qwen2.5-coder-32b-instruct"),
    ],
)
def test_models_in_the_names_of_folders(path: str, model: str | None) -> None:
    assert models_in(path) == ([model] if model else [])


# mini-swe-agent


def test_mini_an_answer_that_could_not_be_parsed_was_billed() -> None:
    first = read(SAMPLES / "mini-swe-agent").calls[0]
    assert first.id == "chatcmpl-mini0000000001"
    assert words(first.request) == ["Be brief.", "Which colour has the sky?"]
    assert words(first.response) == ["Hello"]
    assert first.recorded_usd == "0.00196"


def test_mini_history_settings_and_unknown_cost() -> None:
    calls = read(SAMPLES / "mini-swe-agent").calls
    assert words(calls[2].request)[-2:] == ["blue", "Done."]
    assert [c.recorded_usd for c in calls][2] is None  # 0.0: LiteLLM had no price
    assert {c.session_id.partition("#")[0] for c in calls} == {"sky__sky-1"}
    assert (calls[0].temperature, calls[0].max_tokens) == (0.0, 4000)
    assert calls[0].metadata["run_cost_usd"] == "0.0042"


def test_mini_an_answer_without_its_body_is_a_call_without_counts(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "go"}, {"role": "assistant", "content": "gone"}]
    run = {"info": {"mini_version": "1.0"}, "messages": messages}
    (tmp_path / "x.traj.json").write_text(json.dumps(run))
    (call,) = read(tmp_path).calls
    assert call.usage.state == UsageState.MISSING
    assert (words(call.request), words(call.response)) == (["go"], ["gone"])


def test_mini_the_responses_api_keeps_its_items(tmp_path: Path) -> None:
    usage = {"input_tokens": 10, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 4}}
    item = {"type": "function_call", "call_id": "c", "name": "bash", "arguments": "{}"}
    answer = {
        "object": "response",
        "id": "resp_1",
        "model": "gpt-5",
        "output": [item],
        "usage": usage,
    }
    messages = [
        {"role": "user", "content": "go"},
        {**answer, "extra": {"cost": 0.5, "timestamp": 1767600000.0}},
        {"type": "function_call_output", "call_id": "c", "output": "ok", "extra": {}},
        {**answer, "id": "resp_2", "extra": {"cost": 0.5}},
    ]
    run = {"info": {"mini_version": "2.4.6"}, "messages": messages}
    (tmp_path / "x.traj.json").write_text(json.dumps(run))
    calls = read(tmp_path).calls
    assert words(calls[1].request) == ["go", "{}", "ok"]
    assert spent(calls) == 1
    assert calls[0].usage.input_tokens == 10


# SWE-agent


def swe_run(folder: Path, sent: int) -> Path:
    """A run of 2024: ten steps, no queries, each observation a hundred times the answer."""
    history: list[dict[str, Any]] = [
        {"role": "system", "content": "s" * 100},
        {"role": "user", "content": "demo", "is_demo": True},
        {"role": "user", "content": "task"},
    ]
    steps = []
    for n in range(10):
        history += [
            {"role": "assistant", "content": f"do {n}"},
            {"role": "user", "content": f"{n}" * 400},
        ]
        steps.append({"action": "x", "observation": "", "response": f"do {n}", "thought": ""})
    stats = {"total_cost": 99.0, "instance_cost": 0.5, "tokens_sent": sent, "tokens_received": 9,
             "api_calls": 10}  # fmt: skip
    run = {"trajectory": steps, "history": history, "info": {"model_stats": stats}}
    path = folder / "gpt4o__data__default" / "x.traj"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(run))
    return path


def test_swe_totals_of_the_run_are_laid_on_its_calls_as_estimates() -> None:
    calls = read(SAMPLES / "swe-agent").calls
    assert {c.usage.state for c in calls} == {UsageState.ESTIMATED}
    assert [c.usage.input_tokens for c in calls] == [2333, 3667, 3000]  # the retry: the mean
    assert spent(calls) == Decimal("0.031")
    assert sum(c.requests for c in calls) == 3
    assert words(calls[1].request)[2:] == ["I list the files.", "sky.txt"]
    assert calls[2].request is None
    assert "retries" in calls[2].note
    assert {c.metadata["run_tokens_sent"] for c in calls} == {"9000"}
    assert {c.model for c in calls} == {"gpt-4o-2024-05-13"}


def test_swe_the_history_that_fits_the_tokens_sent_is_taken(tmp_path: Path) -> None:
    full = read(swe_run(tmp_path / "full", 4800)).calls
    cut = read(swe_run(tmp_path / "cut", 3700)).calls
    assert len(words(full[9].request)) == len(words(cut[9].request)) == 21
    assert not any("omitted" in w for w in words(full[9].request))
    omitted = [w for w in words(cut[9].request) if w == "Old output omitted (1 lines)"]
    assert len(omitted) == 4
    assert "task" in words(cut[9].request)
    assert {c.model for c in full} == {"gpt-4o-2024-05-13"}  # the short name in the folder's
    assert spent(full) == Decimal("0.5")


def test_swe_steps_above_the_counted_requests_are_the_agents_exit(tmp_path: Path) -> None:
    path = swe_run(tmp_path, 3700)
    run = json.loads(path.read_text())
    run["info"]["model_stats"]["api_calls"] = 9
    path.write_text(json.dumps(run))
    told = {"calls": 9, "input": 3700, "output": 9, "skipped": 1, "recorded_usd": "0.5"}
    assert totals(read(path)) == told


def test_swe_a_run_without_counts_has_calls_without_counts(tmp_path: Path) -> None:
    calls = read(swe_run(tmp_path, 0)).calls
    assert {c.usage.state for c in calls} == {UsageState.MISSING}
    assert spent(calls) == Decimal("0.5")


def test_swe_without_text_the_run_costs_the_same(tmp_path: Path) -> None:
    text = (SAMPLES / "swe-agent" / "sky__sky-1.traj").read_text()
    for said in ("I list the files.", "That is all, I submit.", "What is in the file?"):
        text = text.replace(f'"{said}"', '""')
    (tmp_path / "sky__sky-1.traj").write_text(text)
    assert spent(read(tmp_path).calls) == Decimal("0.031")


# AutoCodeRover


def acr(folder: Path, *names: str) -> Path:
    """Some files of the sample run in a folder of their own."""
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes((SAMPLES / "autocoderover" / name).read_bytes())
    return folder


def test_acr_the_log_counts_each_request_and_the_texts_join() -> None:
    calls = read(SAMPLES / "autocoderover").calls
    assert [(c.agent, c.usage.input_tokens, c.recorded_usd) for c in calls] == [
        ("conversation", 400, "0.005500"), ("agent_proxy", 200, "0.002600"),
        ("agent_proxy", 200, "0.002600"), ("conversation", 500, "0.006200"),
        ("write_patch", 400, "0.004900"),
    ]  # fmt: skip
    assert words(calls[3].request) == ["Be brief.", "Which colour has the sky?", "Blue.", "Hello"]
    assert words(calls[2].response) == ['{"API_calls": ["f"]}']
    assert calls[4].request is None
    assert {c.task for c in calls} == {"sky__sky-1"}


def test_acr_times_are_utc_by_the_runs_own_start() -> None:
    """The log says 13:06:41 in an unnamed zone; the run began at 1712380000 (05:06:40 UTC)."""
    first = read(SAMPLES / "autocoderover").calls[0]
    assert first.at_us == 1_712_380_001_000_001
    assert first.latency_ms == 4000.0


def test_acr_without_the_log_the_totals_are_laid_on_the_texts(tmp_path: Path) -> None:
    files = ("cost.json", "conversation_round_1.json", "agent_proxy_0.json")
    calls = read(acr(tmp_path / "run", *files)).calls
    assert len(calls) == 4
    assert sum(c.usage.input_tokens for c in calls) == 1700
    assert sum(c.usage.output_tokens for c in calls) == 160
    assert spent(calls) == Decimal("0.0218")
    assert all("share" in c.note and c.request for c in calls)


def test_acr_a_log_that_disagrees_is_not_believed(tmp_path: Path) -> None:
    folder = acr(tmp_path / "run", "cost.json", "info.log", "conversation_round_1.json")
    log = folder / "info.log"
    log.write_text(log.read_text().replace("input_tokens=500", "input_tokens=501"))
    calls = read(folder).calls
    assert sum(c.usage.input_tokens for c in calls) == 1700
    assert all(c.note for c in calls)


def test_acr_cost_alone_is_one_row_and_threads_alone_have_no_counts(tmp_path: Path) -> None:
    (alone,) = read(acr(tmp_path / "cost", "cost.json")).calls
    assert alone.usage.input_tokens == 1700
    assert "one row" in alone.note
    threads = read(acr(tmp_path / "text", "agent_proxy_0.json")).calls
    assert [c.usage.state for c in threads] == [UsageState.MISSING] * 2
    assert words(threads[0].request) == ["Be brief.", "Blue."]


def test_acr_in_an_archive_a_run_keeps_its_neighbours(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "runs.zip", "w") as archive:
        for path in sorted((SAMPLES / "autocoderover").iterdir()):
            if path.name != "expected.json":
                archive.write(path, f"runs/one/{path.name}")
    packed, plain = read(tmp_path), read(SAMPLES / "autocoderover")
    assert totals(packed) == totals(plain)
    assert [(c.key, words(c.request)) for c in packed.calls] == [
        (c.key, words(c.request)) for c in plain.calls
    ]


def test_acr_totals_that_cannot_be_are_refused(tmp_path: Path) -> None:
    folder = acr(tmp_path / "run", "cost.json")
    path = folder / "cost.json"
    path.write_text(path.read_text().replace("1700", "-1700"))
    assert totals(read(folder)) == {"rejected": 1}


# tau-bench


def test_tau_agent_calls_have_text_and_no_counts() -> None:
    calls = [c for c in read(SAMPLES / "tau-bench").calls if c.agent == "agent"]
    assert [c.usage.state for c in calls] == [UsageState.MISSING] * 3
    assert words(calls[1].request)[2:] == ['{"at":"sky"}', "blue"]
    assert {(c.model, c.metadata["domain"]) for c in calls} == {("gpt-4o", "airline")}
    assert [c.metadata["reward"] for c in calls] == ["1.0", "1.0", "0.0"]
    assert len({c.session_id for c in calls}) == 2


def test_tau_the_simulated_user_keeps_its_recorded_cost() -> None:
    users = [c for c in read(SAMPLES / "tau-bench").calls if c.agent == "user_simulator"]
    assert [(c.requests, c.recorded_usd) for c in users] == [(2, "0.0035"), (1, None)]
    assert all(c.usage.state == UsageState.MISSING and c.request is None for c in users)


def test_tau_models_come_from_the_files_name() -> None:
    full = "tool-calling-gpt-4o-0.0_range_0--1_user-gpt-4o-mini-llm_0603110327.json"
    assert models_of(f"x/{full}") == ("gpt-4o", "gpt-4o-mini")
    assert models_of("gpt-4o-2024-08-06-retail.json") == ("gpt-4o-2024-08-06", "")
    assert models_of("results.json") == ("", "")
