"""`costopt replay` end to end: offline, planned, asked, live against a local server, and everything that is
refused before money is spent."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from costopt.model.escape import width_of
from costopt.report.render.replay import AGAINST_THE_LOG
from tests.cli.replay_log import POLICY, write_log
from tests.cli.run import Ran, costopt
from tests.endpoints.behaviour import Behaviour
from tests.endpoints.fault_server import running

KEY = "sk-proj-thisisthesecretkey0123456789"


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the log, its ledger and a policy, read once."""
    folder = tmp_path_factory.mktemp("audited")
    write_log(folder / "log.jsonl")
    (folder / "policy.yaml").write_text(POLICY)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit):
        patch.chdir(folder)
        from costopt.cli.main import main

        main(["ingest", "log.jsonl", "-q"])
    return folder


@pytest.fixture(autouse=True)
def own_folder(audited: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, and no key of whoever runs the tests."""
    shutil.copytree(audited, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def ok(capsys: pytest.CaptureFixture[str], *arguments: object) -> Ran:
    ran = costopt(capsys, "replay", "-q", *arguments)
    assert ran.code == 0, ran.err
    return ran


def failed(capsys: pytest.CaptureFixture[str], code: int, *arguments: object) -> str:
    ran = costopt(capsys, "replay", "-q", *arguments)
    assert (ran.code, ran.out) == (code, ""), ran.out + ran.err
    return ran.err


def found(ran: Ran) -> dict[str, Any]:
    replay: dict[str, Any] = json.loads(ran.out)["replay"]
    return replay


def test_without_an_endpoint_the_log_answers_and_nothing_is_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = ok(capsys).out.splitlines()
    assert lines[1] == AGAINST_THE_LOG
    assert max(map(width_of, lines)) <= 80 and len(lines) <= 40
    assert any(line.startswith("CHECKLIST") for line in lines)
    replay = found(ok(capsys, "--json"))
    assert replay["origin"] == "recorded" and replay["spent_usd"] == 0 and replay["answered"] > 0
    assert replay["now_savings_usd"] is None and not replay["evidence"]
    assert all(row["measured"] is None for row in replay["compared"])
    assert all(layer["now_usd"] is None for layer in replay["layers"])
    assert not any("At worst" in note for note in replay["notes"])  # nobody is paid
    assert Path(".costopt/replay/1/result.json").exists()


def test_the_result_follows_the_schema_and_is_the_reports(
    capsys: pytest.CaptureFixture[str],
) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    from costopt.report.render.schema import PUBLISHED

    result = json.loads(ok(capsys, "--json").out)
    jsonschema.validate(result, json.loads(PUBLISHED.read_text()))
    again = costopt(capsys, "report", "--json", "-q")
    assert json.loads(again.out)["replay"] == result["replay"]
    assert json.loads(Path(result["replay"]["diff_path"]).with_name("result.json").read_text())


def test_a_plan_is_priced_and_sends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with running() as server:
        ran = ok(capsys, "--base-url", f"{server.url}/v1", "--plan-only")
        replay = found(ok(capsys, "--base-url", f"{server.url}/v1", "--plan-only", "--json"))
        assert not server.seen
    assert ran.out.startswith("PLANNED, nothing was sent")
    assert f"costopt replay --base-url {server.url}/v1" in " ".join(ran.out.split())
    assert replay["state"] == "planned" and replay["run"] is None
    worst = sum(row["worst_usd"] for row in replay["sample"])
    assert worst == pytest.approx(replay["worst_usd"])
    assert any("proves at least" in row["proves"] for row in replay["sample"])


def test_a_live_run_measures_and_the_next_projection_uses_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with running() as server:
        result = json.loads(ok(capsys, "--base-url", f"{server.url}/v1", "--yes", "--json").out)
        assert len(server.seen) == result["replay"]["planned"]
    replay = result["replay"]
    assert replay["origin"] == "endpoint" and replay["answered"] == replay["planned"]
    assert replay["spent_usd"] > 0 and replay["evidence"]["trim_tools"]["outputs"] > 0
    money = next(c for c in replay["compared"] if (c["what"], c["arm"]) == ("usd", "policy"))
    assert money["measured"] > 0 and money["predicted"] > 0
    assert replay["now_savings_usd"] is not None and replay["noise"][0]["answers"] > 0
    after = json.loads(costopt(capsys, "simulate", "-q", "--json", "--no-shapley").out)
    assert after["projection"]["projected_usd"] == pytest.approx(
        result["projection"]["projected_usd"]
    )
    assert Path(replay["diff_path"]).read_text().startswith("# Replay 1")


def test_counts_that_double_change_what_is_measured_and_not_what_was_predicted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    totals = []
    for usage in ("real", "doubled"):
        with running(Behaviour(usage=usage)) as server:
            url = f"{server.url}/v1"
            replay = found(ok(capsys, "--base-url", url, "--yes", "--json", "--fresh"))
        shutil.rmtree(".costopt")
        costopt(capsys, "ingest", "log.jsonl", "-q")
        row = next(c for c in replay["compared"] if (c["what"], c["arm"]) == ("usd", "noise"))
        layers = [layer["projected_usd"] for layer in replay["layers"]]
        totals.append((row["measured"], replay["expected_usd"], layers))
    assert totals[1][0] == pytest.approx(2 * totals[0][0], rel=0.05)
    assert totals[1][1:] == totals[0][1:]


def test_a_charge_above_the_worst_case_is_said(
    capsys: pytest.CaptureFixture[str], own_folder: Path
) -> None:
    lines = [json.loads(line) for line in (own_folder / "log.jsonl").read_text().splitlines()]
    for line in lines:
        line["request"]["max_tokens"] = 12
        usage, words = line["response"]["usage"], len(json.dumps(line["request"]).split())
        usage |= {"prompt_tokens": words, "total_tokens": words + usage["completion_tokens"]}
    (own_folder / "capped.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
    said = "more than the worst case of $"
    for counts, expected in (("real", False), ("doubled", True)):
        with running(Behaviour(usage=counts)) as server:
            asked = ("capped.jsonl", "--base-url", server.url, "--yes", "--fresh", "--json")
            told = found(ok(capsys, *asked))
        assert any(said in note for note in told["notes"]) == expected, counts
        assert (told["spent_usd"] > told["worst_usd"]) == expected, counts


def test_an_invented_usage_is_no_measurement(capsys: pytest.CaptureFixture[str]) -> None:
    with running(Behaviour(usage="constant")) as server:
        replay = found(ok(capsys, "--base-url", f"{server.url}/v1", "--yes", "--json"))
    assert replay["origin"] == "mock" and replay["now_savings_usd"] is None
    assert not replay["evidence"] and all(c["measured"] is None for c in replay["compared"])


def test_no_one_to_ask_sends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with running() as server:
        said = failed(capsys, 2, "--base-url", f"{server.url}/v1")
        assert "at worst" in said and "--yes" in said and not server.seen
        ok(capsys, "--base-url", f"{server.url}/v1", "--budget", "0.05")
        assert server.seen


def test_a_budget_binds_before_anything_is_sent(capsys: pytest.CaptureFixture[str]) -> None:
    with running() as server:
        url = f"{server.url}/v1"
        said = failed(capsys, 2, "--base-url", url, "--budget", "0.01", "--sample", "24", "--yes")
        assert "over the budget of $0.01" in said and "--sample" in said and not server.seen
        replay = found(ok(capsys, "--base-url", url, "--budget", "0.05", "--json"))
    assert replay["worst_usd"] <= 0.05 and replay["spent_usd"] <= replay["budget_usd"] == 0.05


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--base-url", "http://127.0.0.1:9/v1", "--api-key-env", "NOT_SET"], "NOT_SET is not set"),
        (["--live", "--yes"], "OPENAI_API_KEY is not set"),
        (["--base-url", "http://127.0.0.1:9/v1", "--offline"], "--offline forbids the network"),
        (["--base-url", "nonsense"], "write a whole address"),
        (["--base-url", "http://u:p@127.0.0.1/v1"], "no secret belongs into an option"),
        (["--base-url", "http://127.0.0.1:9", "--api-key-env", KEY], "never the key"),
        (["--live", "--base-url", "http://127.0.0.1:9"], "one of them is enough"),
        (["--resume", "--fresh"], "Give one of them"),
        (["--resume"], "no unfinished replay"),
        (["--budget", "much"], "no amount of dollars"),
        (["--sample", "0"], "at least one"),
        (["--model-map", "gpt-4o"], "maps no model"),
        (["--base-url", "http://127.0.0.1:9", "--model-map", "gpt-4o-2024-08-60=m"],
         "Did you mean `gpt-4o-2024-08-06`?"),
        (["--batch-patience", "soon"], "no span of time"),
        (["--target-ci", "80"], "no half width"),
        (["--api", "gemini", "--base-url", "http://127.0.0.1:9"], "One of: openai, anthropic"),
        (["--base-url", "https://models.example.com/v1", "--yes", "--model-map",
          "gpt-4o-2024-08-06=nobody-1"], "no price for openai/nobody-1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_before_anything_is_sent(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    said = failed(capsys, 2, *arguments)
    assert words in said
    assert KEY not in said


def test_a_wrong_address_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    said = failed(capsys, 5, "--base-url", f"http://127.0.0.1:{port}/v1", "--yes")
    assert f"nothing listens at 127.0.0.1:{port}" in said
    assert not Path(".costopt/replay").exists()


@pytest.mark.parametrize(
    ("how", "words"),
    [(Behaviour(models="other"), "gpt-4o-2024-08-06"), (Behaviour(key="right"), "key")],
)
def test_an_unknown_model_or_a_wrong_key_costs_one_refused_request(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, how: Behaviour, words: str
) -> None:
    monkeypatch.setenv("THE_KEY", KEY)
    with running(how) as server:
        said = failed(
            capsys, 5, "--base-url", f"{server.url}/v1", "--yes", "--api-key-env", "THE_KEY"
        )
        assert len(server.seen) == 1
    assert words in said and KEY not in said


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate")
def test_a_certificate_that_nobody_signed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    both = tmp_path / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x",
         "-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    both.write_bytes((tmp_path / "key.pem").read_bytes() + (tmp_path / "cert.pem").read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    with running(ssl=context) as server:
        said = failed(capsys, 5, "--base-url", f"{server.url}/v1", "--yes")
        assert not server.seen
    assert "certificate" in said and "SSL_CERT_FILE" in said


def test_the_key_stands_nowhere(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, own_folder: Path
) -> None:
    monkeypatch.setenv("THE_KEY", KEY)
    with running(Behaviour(key=KEY, faults="500:0.1")) as server:
        arguments = ["--base-url", f"{server.url}/v1", "--yes", "--api-key-env", "THE_KEY"]
        ran = ok(capsys, *arguments)
    report = costopt(capsys, "report", "--html", "r.html", "--md", "r.md", "-q")
    assert report.code == 0
    texts = [ran.out, ran.err, report.out]
    assert not any(KEY in text for text in texts)
    files = [p for p in own_folder.rglob("*") if p.is_file()]
    assert any(p.name == "ledger.duckdb" for p in files)
    assert not [p for p in files if KEY.encode() in p.read_bytes()]


def test_a_policy_names_endpoint_key_and_budget(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_KEY", KEY)
    with running(Behaviour(key=KEY)) as server:
        place = f'{{base_url: "{server.url}/v1", api_key_env: THE_KEY}}'
        Path("policy.yaml").write_text(
            f"{POLICY}replay: {{endpoints: {{openai: {place}}}, budget_usd: 0.05, sample: 4}}\n"
        )
        replay = found(ok(capsys, "--yes", "--json"))
        assert replay["budget_usd"] == 0.05 and replay["answered"] == replay["planned"] > 0
        assert failed(capsys, 2)  # the policy's budget is no word of who sits there
        recorded = found(ok(capsys, "--base-url", "recorded", "--json"))
    assert recorded["origin"] == "recorded"


def test_a_model_of_ones_own_costs_nothing_and_asks_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with running() as server:
        ran = ok(capsys, "--base-url", f"{server.url}/v1", "--model-map", "gpt-4o-2024-08-06=tiny")
        assert {seen["model"] for seen in server.seen if "model" in seen} <= {"tiny"}
    assert "Spent $0.00: your own machine" in ran.out


def test_a_judge_is_asked_in_both_orders_and_charged(capsys: pytest.CaptureFixture[str]) -> None:
    with running() as server:
        url = f"{server.url}/v1"
        plain = found(ok(capsys, "--base-url", url, "--yes", "--json", "--fresh"))
        before = len(server.seen)
        judged = found(ok(capsys, "--base-url", url, "--yes", "--json", "--judge", "gpt-4o-mini"))
        asked = len(server.seen) - before - judged["planned"]
    assert asked > 0 and asked % 2 == 0
    assert judged["spent_usd"] > plain["spent_usd"]
    assert any("agreed with itself" in note for note in judged["notes"])


def test_nothing_that_can_be_sent(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(".costopt")
    costopt(capsys, "ingest", "log.jsonl", "-q", "--no-content")
    assert "not one call of this log can be sent" in failed(capsys, 4)


def test_a_paid_run_needs_a_ledger(capsys: pytest.CaptureFixture[str]) -> None:
    with running() as server:
        url = f"{server.url}/v1"
        said = failed(capsys, 2, "log.jsonl", "--no-store", "--base-url", url, "--yes")
        assert "keeps a ledger" in said and not server.seen
        ok(capsys, "log.jsonl", "--no-store", "--base-url", url, "--model-map",
           "gpt-4o-2024-08-06=tiny")  # fmt: skip
    ok(capsys, "log.jsonl", "--no-store")


def test_a_few_lines_go_through_a_batch_api(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.endpoints.batch_server import KEY as BATCH_KEY
    from tests.endpoints.batch_server import BatchState, batch_server

    monkeypatch.setenv("THE_KEY", BATCH_KEY)
    Path("policy.yaml").write_text(
        "version: 1\nlayers:\n  - batch: {match: {agent: [desk]}, deadline: 7d}\n"
    )
    state = BatchState(polls=0)
    with batch_server(state) as url:
        arguments = ["--base-url", f"{url}/v1", "--api-key-env", "THE_KEY", "--yes", "--json"]
        replay = found(ok(capsys, *arguments, "--batch"))
        assert "POST /v1/batches" in state.paths
        state.paths.clear()
        ok(capsys, *arguments)
        assert (
            "POST /v1/batches" not in state.paths
        )  # not a provider's own host: not without a word
    (layer,) = replay["layers"]
    assert "price rule" in layer["measured"] and "lines" in layer["measured"]
    assert replay["answered"] == replay["planned"] > 0
    assert layer["says"] == "not_measured" and "the price is a rule" in layer["why"]
    after = json.loads(costopt(capsys, "simulate", "-q", "--no-shapley", "--json").out)
    (row,) = after["projection"]["layers"]
    assert row["measured"] == ["turnaround_s"], (
        "no bill was seen, and the request is the logged one"
    )
    assert row["evidence"]["replay"]["price_multiplier"] == 0.5
    assert not any("counted in its dollars" in note for note in row["notes"])


def test_ctrl_c_keeps_what_was_answered_and_the_same_command_goes_on(own_folder: Path) -> None:
    with running(Behaviour(latency_ms=120)) as server:
        command = [
            sys.executable, "-m", "costopt", "replay", "-q", "--base-url", f"{server.url}/v1",
            "--yes", "--concurrency", "2",
        ]  # fmt: skip
        first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        until = time.monotonic() + 60
        while len(server.seen) < 4 and first.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        first.send_signal(signal.SIGINT)
        out, err = first.communicate(timeout=60)
        assert first.returncode == 130, err
        assert "interrupted" in out and "costopt replay --base-url" in out and "stopped" in err
        assert "Evidence saved" not in out  # it could change the very plan that goes on
        second = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
        replay = json.loads(second.stdout)["replay"]
        assert replay["answered"] == replay["planned"] == len(server.seen)
    assert replay["run"] == 1 and replay["evidence"]


def test_the_command_stands_under_prove(capsys: pytest.CaptureFixture[str]) -> None:
    out = costopt(capsys, "--help").out
    assert "Prove" in out and out.index("Try") < out.index("Prove") < out.index("Own data")
    assert "--plan-only" in costopt(capsys, "replay", "--help").out


def test_the_runs_files_can_stand_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    ok(capsys, "--out", "proof")
    assert {p.name for p in Path("proof").iterdir()} == {"diff.md", "result.json"}
    assert not Path(".costopt/replay").exists()


def test_a_crash_before_the_result_is_kept_pays_nothing_twice(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from costopt.wiring.replaying import files

    with running() as server:
        arguments = ["--base-url", f"{server.url}/v1", "--yes", "--json"]
        with pytest.MonkeyPatch.context() as broken:
            broken.setattr(files, "write_diff", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            assert costopt(capsys, "replay", "-q", *arguments).code == 130
        sent = len(server.seen)
        replay = found(ok(capsys, *arguments))
        assert len(server.seen) == sent == replay["planned"] == replay["answered"]
        assert replay["run"] == 1 and replay["spent_usd"] > 0
        assert found(ok(capsys, *arguments))["run"] == 2
