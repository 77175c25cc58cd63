"""`costopt selfhost TRACES`: whose calls, which bill, the same fleet as a policy's layer, hostile names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from costopt.model.escape import width_of
from tests.cli.run import Ran, costopt

MODEL = "meta-llama/Llama-3.1-8B-Instruct"
LETTERS = 24
CALLS = 60
SECRET = "\x1b[31mred\u202e$HOME"


def record(i: int, **more: Any) -> dict[str, Any]:
    """A letter a few seconds after the one before, of two tasks; answers repeat a part of the question."""
    text = (
        f"Dear clerk, parcel {i % LETTERS} arrived late and the box was wet. Please say what is owed. "
        * 6
    )
    return {
        "id": f"c{i}", "session_id": f"s{i}", "agent": more.pop("agent", "clerk"),
        "task": "refund" if i % 3 else "triage",
        "timestamp": f"2026-10-05T10:{i // 12:02d}:{5 * (i % 12):02d}Z",
        "request": {"model": more.pop("model", "gpt-4o"), "messages": [{"role": "user", "content": text}]},
        "response": {
            "choices": [{"message": {"role": "assistant", "content": f"You wrote: {text[:300]}"}}],
            "usage": {"prompt_tokens": 3_000, "completion_tokens": 40},
        },
        **more,
    }  # fmt: skip


def write(rows: list[dict[str, Any]], path: str = "log.jsonl") -> str:
    Path(path).write_text("\n".join(map(json.dumps, rows)) + "\n")
    return path


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write([record(i) for i in range(CALLS)])


def ran(capsys: pytest.CaptureFixture[str], *more: object, code: int = 0) -> Ran:
    done = costopt(capsys, "selfhost", *more)
    assert done.code == code, done.err
    return done


def found(capsys: pytest.CaptureFixture[str], *more: object) -> dict[str, Any]:
    """The JSON of one GPU's fleet."""
    base = ("log.jsonl", "--model", MODEL, "--gpu", "l40s", "--json", "-q")
    if not {"--usd-per-gpu-hour", "--prices"} & set(more):
        more = (*more, "--usd-per-gpu-hour", "0.06")  # a small break-even is simulated fast
    document = json.loads(ran(capsys, *base, *more).out)
    assert document["schema"] == "costopt.selfhost/1"
    return dict(document)


def test_the_command_and_a_policys_layer_rent_the_same_fleet(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Behind the same other layers, dollar for dollar, latency for latency."""
    Path("policy.yaml").write_text(
        "version: 1\nlayers:\n- window: {turns: 4}\n"
        f"- self_host: {{match: {{model: gpt-4o}}, model: {MODEL}, gpu: l40s, ttft_ms: 900}}\n"
    )
    document = json.loads(ran(capsys, "log.jsonl", "--gpu", "l40s", "--json", "-q").out)
    (fleet,) = document["fleets"]
    told = json.loads(costopt(capsys, "simulate", "--json", "-q", "--no-shapley").out)
    layer = told["projection"]["layers"][1]["evidence"]
    assert document["bill"]["layers"] == ["window"] and document["model"] == MODEL
    assert document["traffic"]["moved"] == layer["moved_calls"] == CALLS
    assert document["bill"]["moved_usd"] == layer["api_usd"]
    for name in ("replicas", "gpus_per_replica", "utilisation"):
        assert fleet[name] == layer[name]
    for place in ("low", "typical", "high"):
        assert fleet["usd_per_day"][place] == layer["rent_usd_a_day"][place]
    for latency in ("ttft_ms", "tpot_ms"):
        assert fleet[latency]["p95"] == layer[latency]["p95"]
    assert fleet["usd_per_mtok"] == layer["effective_usd_per_mtok"]
    assert fleet["levels"][0]["limit_ms"] == 900


def test_break_even_is_where_the_bill_is_the_rent(capsys: pytest.CaptureFixture[str]) -> None:
    document = found(capsys, "--usd-per-gpu-hour", "0.125")
    (fleet,), bill = document["fleets"], document["bill"]
    even = fleet["break_even"]["typical"]
    assert fleet["usd_per_day"]["typical"] == pytest.approx(3.0)
    assert even["multiple"] == pytest.approx(3.0 / bill["moved_usd_per_day"])
    tokens = document["traffic"]["tokens_per_day"]
    assert even["tokens_per_day"] == pytest.approx(tokens * even["multiple"])
    points = {p["multiple"]: p for p in document["crossing"]}
    assert points[1.0]["api_usd_per_day"] == pytest.approx(bill["moved_usd_per_day"])
    at = min(points, key=lambda m: abs(m - even["multiple"]))
    assert points[at]["api_usd_per_day"] == pytest.approx(points[at]["rent"]["typical"])
    assert "does not pay" in document["verdict"] and "begins to pay" in document["verdict"]


def test_what_pays_says_what_nobody_proved(capsys: pytest.CaptureFixture[str]) -> None:
    document = found(capsys, "--usd-per-gpu-hour", "0.01")
    assert "Renting pays" in document["verdict"] and "UNVERIFIED" in document["verdict"]
    assert document["quality"]["status"] == "unverified"


def test_the_scale_multiplies_traffic_and_bill(capsys: pytest.CaptureFixture[str]) -> None:
    one, three = found(capsys), found(capsys, "--scale", 3)
    assert three["traffic"]["requests"] == 3 * one["traffic"]["requests"]
    assert three["traffic"]["moved"] == one["traffic"]["moved"]
    assert three["bill"]["compared_usd_per_day"] == pytest.approx(
        3 * one["bill"]["moved_usd_per_day"]
    )
    assert three["fleets"][0]["break_even"] == one["fleets"][0]["break_even"], (
        "a multiple of today's"
    )


def test_same_input_same_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    base = ("log.jsonl", "--model", "llama-3.1-8b", "--gpu", "l4", "--json", "-q",
            "--usd-per-gpu-hour", "0.2")  # fmt: skip
    assert ran(capsys, *base, "--png", "a.png").out == ran(capsys, *base, "--png", "b.png").out
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes() != b""


def test_only_what_matches_moves(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [record(i, model="gpt-4o-mini" if i % 4 else "gpt-4o") for i in range(CALLS)]
    write(rows)
    document = found(capsys, "--match", "model=gpt-4o-mini")
    assert document["traffic"]["moved"] == 45
    assert document["bill"]["moved_usd"] < document["bill"]["logged_usd"]
    assert found(capsys, "--where", "model=gpt-4o")["traffic"]["calls"] == 15


def test_look_ups_are_measured_on_the_logs_answers(capsys: pytest.CaptureFixture[str]) -> None:
    document = found(capsys, "--speculate", "ngram", "--draft-tokens", 4)
    rows = {row["task"]: row for row in document["accepted"]}
    assert rows["refund"]["answers"] == 40 and rows["triage"]["answers"] == 20
    assert all(row["tokens_per_step"] > 1 for row in rows.values()), "answers quote their question"
    gain = document["fleets"][0]["speculation"]
    assert "measured" in gain["basis"] and gain["tpot_ms"] < gain["tpot_ms_without"]
    assert "ngram" in document["fleets"][0]["launch"]["vllm"]
    stated = found(capsys, "--speculate", "ngram", "--acceptance", 0.3)
    assert stated["accepted"] == [] and stated["fleets"][0]["speculation"]["acceptance"] == 0.3


def test_azures_requests_take_the_logs_price_a_token(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f"2023-11-16 18:{i // 2:02d}:{30 * (i % 2):02d}.0000000,3000,40" for i in range(CALLS)]
    Path("azure.csv").write_text(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n" + "\n".join(lines) + "\n"
    )
    one, document = found(capsys), found(capsys, "--arrivals", "azure:azure.csv")
    assert document["traffic"]["source"] == "azure" and document["bill"]["per_token"]
    days = document["traffic"]["days"]
    assert document["bill"]["moved_usd_per_day"] * days == pytest.approx(one["bill"]["moved_usd"])


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (("--model", "llama-3.1-9b"), 2, "Did you mean"),
        (("--model", MODEL, "--gpu", "h1000"), 2, "h100"),
        (("--model", MODEL, "--engine", "vlm"), 2, "vllm"),
        ((), 2, "--model"),
        (("--model", MODEL, "--match", "model"), 2, "--match"),
        (("--model", MODEL, "--match", "agnt=x"), 2, "agent"),
        (("--model", MODEL, "--match", "model=o3"), 4, "gpt-4o 60"),
        (("--model", MODEL, "--scale", "0"), 2, "--scale"),
        (("--model", MODEL, "--arrivals", "azur:x"), 2, "azure"),
        (("--model", MODEL, "--arrivals", "azure:none.csv"), 4, "none.csv"),
        (("--model", MODEL, "--speculate", "ngrm"), 2, "ngram"),
        (("--model", MODEL, "--usd-per-gpu-hour", "1"), 2, "--gpu"),
        (("--model", MODEL, "--policy", "none.yaml"), 2, "none.yaml"),
    ],
)
def test_what_cannot_be_is_said(
    capsys: pytest.CaptureFixture[str], more: tuple[str, ...], code: int, said: str
) -> None:
    one = ran(capsys, "log.jsonl", *more, "-q", code=code)
    assert said in one.err and one.out == "" and "Traceback" not in one.err


@pytest.mark.parametrize("width", [60, 140])
def test_hostile_names_stay_text_and_lines_in_their_width(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    write(
        [
            record(i, agent=SECRET, task=SECRET, model=SECRET if i < 3 else "gpt-4o")
            for i in range(40)
        ]
    )
    done = ran(
        capsys,
        "log.jsonl",
        "--model",
        MODEL,
        "--gpu",
        "l40s",
        "--gpu",
        "l4",
        "--speculate",
        "suffix",
        "-q",
    )
    lines = done.out.splitlines()
    assert "\x1b" not in done.out and "\u202e" not in done.out
    prose = [one for one in lines if "--" not in one and "vllm serve" not in one]
    assert max(map(width_of, prose)) <= width, "only a command's words are never broken"
    assert any(one.startswith("  Renting") for one in lines[:4]) and "UNVERIFIED" in done.out
    assert "vllm serve" in done.out and "hours count as a whole day" in done.out.replace(
        "\n         ", " "
    )


def test_without_traces_the_last_audit_is_taken_and_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert costopt(capsys, "audit", "log.jsonl", "-q").code == 0
    done = ran(capsys, "--model", MODEL, "--gpu", "l40s", "--offline")
    assert "log.jsonl" in done.err and "Renting" in done.out


def test_a_gpu_that_cannot_says_why_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    done = ran(
        capsys,
        "log.jsonl",
        "--model",
        "llama-3.1-70b",
        "--gpu",
        "h100",
        "--gpu",
        "l4",
        "--tensor-parallel",
        2,
        "-q",
    )
    (line,) = [one for one in done.out.splitlines() if one.startswith("l4 ")]
    assert "cannot" in line


def test_own_rents_come_from_the_overlay(capsys: pytest.CaptureFixture[str]) -> None:
    Path("prices.yaml").write_text("rents: {l40s: {on_demand: [0.05, 0.07, 0.10]}}\n")
    fleet = found(capsys, "--prices", "prices.yaml")["fleets"][0]
    day = fleet["usd_per_day"]
    assert [day["low"], day["typical"], day["high"]] == pytest.approx([1.2, 1.68, 2.4])


def test_other_engines_get_their_own_command(capsys: pytest.CaptureFixture[str]) -> None:
    fleet = found(capsys, "--serve-with", "sglang", "--serve-with", "ollama")["fleets"][0]
    assert list(fleet["launch"]) == ["vllm", "sglang", "ollama"]
    assert "launch_server" in fleet["launch"]["sglang"]


def test_help_tells_of_all_three(capsys: pytest.CaptureFixture[str]) -> None:
    page = ran(capsys, "--help").out
    for word in ("predict", "calibrate", "--gpu", "TRACES"):
        assert word in page


def test_a_layer_that_nobody_proved_lowers_no_bill(capsys: pytest.CaptureFixture[str]) -> None:
    Path("policy.yaml").write_text("version: 1\nlayers:\n- semantic_cache: {threshold: 0.9}\n")
    bill = found(capsys, "--replicas", 1)["bill"]
    assert bill["layers"] == [] and bill["unverified"] == ["semantic_cache"]
    assert bill["moved_usd"] == bill["logged_usd"] == bill["after_usd"]
    assert bill["after_unverified_usd"] < bill["after_usd"]


def test_a_file_may_be_called_like_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("fleet", "./predict"):
        write([record(i) for i in range(20)], name)
        done = ran(capsys, name, "--model", "x-1", "--no-store", "-q", code=2)
        assert "x-1" in done.err and "--rows" not in done.err
    assert "--rows" in ran(capsys, "predict", code=2).err


def test_the_sample_s_document_as_far_as_no_fitted_constant_is_in_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The published sample at a stated rent: a reader can check these by hand."""
    sample = Path(__file__).parents[2] / "sample_traces" / "langfuse-coder.json"
    more = ("--usd-per-gpu-hour", "1", "--no-policy", "--no-store", "--json", "-q")
    base = (sample, "--model", "llama-3.1-8b", "--gpu", "l40s", "--as-of", "2026-11-09")
    document = json.loads(ran(capsys, *base, *more).out)
    assert list(document) == [
        "schema", "verdict", "dataset", "model", "as_of", "settings", "assumed", "traffic", "bill",
        "fleets", "refused", "crossing", "accepted", "quality", "notes",
    ]  # fmt: skip
    traffic, bill, (fleet,) = document["traffic"], document["bill"], document["fleets"]
    assert (traffic["calls"], traffic["moved"], traffic["requests_per_day"]) == (9, 9, 9.0)
    assert (traffic["days"], traffic["peak_per_minute"], traffic["source"]) == (1.0, 5.0, "log")
    assert bill["logged_usd"] == bill["moved_usd"] == bill["after_usd"] == 0.07182195
    assert fleet["gpus"] == 1 and fleet["usd_per_day"]["typical"] == pytest.approx(24.0)
    assert fleet["break_even"]["typical"]["multiple"] == pytest.approx(24.0 / 0.07182195)
    assert fleet["rent_source"] == "your own price" and document["refused"] == []
