"""`costopt selfhost predict` and `calibrate`: hostile cells, nothing sent without a yes, a profile read
again."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from costopt.serving.rows import INPUT, OUTPUT
from tests.cli.run import costopt
from tests.endpoints.behaviour import Behaviour
from tests.endpoints.fault_server import running
from tests.endpoints.metrics_server import metrics_server, vllm_page

HEAD = ",".join(INPUT)
GOOD = "llama-3.1-8b,h100_sxm,vllm,bf16,256,16,1,1,2"
CONFIG = {
    "num_hidden_layers": 32, "hidden_size": 4096, "num_attention_heads": 32, "vocab_size": 32000,
    "num_key_value_heads": 32, "intermediate_size": 11008, "max_position_embeddings": 8192,
}  # fmt: skip


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def predicted(capsys: pytest.CaptureFixture[str], text: str, *more: object) -> list[dict[str, Any]]:
    Path("rows.csv").write_bytes(text.encode())
    ran = costopt(capsys, "selfhost", "predict", "--rows", "rows.csv", "-q", *more)
    assert ran.code == 0, ran.err
    return list(csv.DictReader(io.StringIO(ran.out)))


def test_the_same_rows_come_back_with_their_answers(capsys: pytest.CaptureFixture[str]) -> None:
    rows = predicted(capsys, f"{HEAD},team\n{GOOD},core\n{GOOD},edge\n")
    assert list(rows[0]) == [*INPUT, "team", *OUTPUT]
    assert [row["team"] for row in rows] == ["core", "edge"]
    assert rows[0]["fits"] == "true" and rows[0]["note"] == ""
    assert float(rows[0]["ttft_ms"]) > 0 and float(rows[0]["tpot_ms"]) > 0
    assert float(rows[0]["throughput_tokens_per_s"]) > 0


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("llama-9b,h100_sxm,vllm,,256,16,1,1,2", "Did you mean"),
        ("llama-3.1-8b,h100sxm2,vllm,,256,16,1,1,2", "No GPU"),
        ("llama-3.1-8b,h100_sxm,vlm,,256,16,1,1,2", "No engine"),
        ("llama-3.1-8b,h100_sxm,vllm,fp33,256,16,1,1,2", "No precision"),
        ("llama-3.1-8b,h100_sxm,vllm,fp32,256,16,1,1,2", "no peak for fp32"),
        ("llama-3.1-70b,h100_sxm,vllm,bf16,256,16,1,1,2", "weights take"),
        ("llama-3.1-8b,h100_sxm,vllm,,many,16,1,1,2", "not a whole number"),
        ("llama-3.1-8b,h100_sxm,vllm,,-5,16,1,1,2", "at least 1"),
        ("llama-3.1-8b,h100_sxm,vllm,,1e400,16,1,1,2", "not a whole number"),
        ("llama-3.1-8b,h100_sxm,vllm,,,16,1,1,2", "not a whole number"),
        ("llama-3.1-8b,h100_sxm", "2 cells for 9 columns"),
        (f"{GOOD},and,more", "11 cells for 9 columns"),
        ("\x1b[31mred,h100_sxm,vllm,,256,16,1,1,2", "\\x1b[31mred"),
    ],
)
def test_a_row_that_cannot_run_says_why_and_where(
    capsys: pytest.CaptureFixture[str], row: str, why: str
) -> None:
    rows = predicted(capsys, f"{HEAD}\n{GOOD}\n\n{row}\n")
    assert len(rows) == 2 and rows[0]["fits"] == "true"
    assert rows[1]["fits"] == "false" and rows[1]["note"].startswith("line 4: ")
    assert why in rows[1]["note"]
    assert [rows[1][name] for name in OUTPUT[:3]] == ["", "", ""]


def test_an_open_quote_swallows_no_row(capsys: pytest.CaptureFixture[str]) -> None:
    rows = predicted(capsys, f'{HEAD},note2\n{GOOD},"open\n{GOOD},y\n{GOOD},"two\nlines"\n')
    assert [row["fits"] for row in rows] == ["false", "true", "true"]
    assert rows[2]["note2"] == "two\nlines"


def test_no_cell_is_a_formula(capsys: pytest.CaptureFixture[str]) -> None:
    cells = ["=cmd()", "+1+1", "@x", "-1", "-2+3", "safe"]
    text = f"{HEAD},why\n" + "".join(f"{GOOD},{cell}\n" for cell in cells)
    rows = predicted(capsys, text)
    assert [row["why"] for row in rows] == ["'=cmd()", "'+1+1", "'@x", "-1", "'-2+3", "safe"]


def test_figures_of_the_file_are_kept_beside(capsys: pytest.CaptureFixture[str]) -> None:
    rows = predicted(capsys, f"{HEAD},ttft_ms\n{GOOD},123.5\n")
    assert rows[0]["given_ttft_ms"] == "123.5" and rows[0]["ttft_ms"] not in ("", "123.5")


def test_few_columns_a_semicolon_and_a_byte_order_mark_will_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = "\ufeffmodel;gpu;input_tokens;output_tokens;concurrency\nllama-3.1-8b;h100;256;16;2\n"
    assert predicted(capsys, text)[0]["fits"] == "true"


def test_a_model_of_a_config(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine").mkdir()
    Path("mine/config.json").write_text(json.dumps(CONFIG))
    row = GOOD.replace("llama-3.1-8b", "mine")
    assert predicted(capsys, f"{HEAD}\n{row}\n")[0]["fits"] == "false"
    assert (
        predicted(capsys, f"{HEAD}\n{row}\n", "--model-config", "mine/config.json")[0]["fits"]
        == "true"
    )
    named = predicted(
        capsys, f"{HEAD}\n{GOOD.replace('llama-3.1-8b', 'x')}\n", "--model-config", "x=mine"
    )
    assert named[0]["fits"] == "true"


def test_json_and_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    Path("rows.csv").write_text(f"{HEAD}\n{GOOD}\nnope,h100,vllm,,1,1,1,1,1\n")
    ran = costopt(
        capsys, "selfhost", "predict", "--rows", "rows.csv", "--json", "--out", "deep/p.csv"
    )
    told = json.loads(ran.out)["rows"]
    assert told[0]["fits"] is True and told[1]["ttft_ms"] is None
    assert "1 answered, 1 cannot run" in ran.err
    assert Path("deep/p.csv").read_text().startswith(HEAD)


@pytest.mark.parametrize(
    ("text", "arguments", "code", "why"),
    [
        ("", [], 4, "empty"),
        ("model,gpu\na,b\n", [], 4, "input_tokens"),
        (f"{HEAD},gpu\n", [], 4, "twice"),
        (f"{HEAD}\n{GOOD}\n", ["--efficiencies", "nobody"], 2, "no profile"),
        (f"{HEAD}\n{GOOD}\n", ["--efficiencies", "../../etc"], 2, "no name"),
        (f"{HEAD}\n{GOOD}\n", ["--model-config", "absent.json"], 4, "absent.json"),
    ],
)
def test_what_cannot_be_read_or_found_is_a_sentence(
    capsys: pytest.CaptureFixture[str], text: str, arguments: list[str], code: int, why: str
) -> None:
    Path("rows.csv").write_text(text)
    ran = costopt(capsys, "selfhost", "predict", "--rows", "rows.csv", *arguments)
    assert (ran.code, ran.out) == (code, "") and why in ran.err


SLOW = Behaviour(latency_ms=20, token_ms=2, words=16)
GRID = ("--loads", "1,2", "--prompt-tokens", "40,80", "--output-tokens", "16", "--requests", "6")


def calibrated(
    capsys: pytest.CaptureFixture[str], url: str, *more: object, model: str = "llama-3.1-8b"
) -> tuple[int, str, str]:
    ran = costopt(
        capsys, "selfhost", "calibrate", "--base-url", url, "--model", model, *more
    )  # fmt: skip
    return ran.code, ran.out, ran.err


def test_a_server_is_driven_fitted_and_kept(capsys: pytest.CaptureFixture[str]) -> None:
    with running(SLOW) as server:
        code, out, err = calibrated(
            capsys, server.url, "--gpu", "h100_sxm", *GRID, "--profile", "mine", "--yes"
        )
        assert code == 0, err
        assert len(server.seen) == 3 + 4 * 6
    assert "load left out" in out and "left as shipped" in out
    assert max(map(len, out.splitlines())) <= 110
    kept = json.loads(Path(".costopt/profiles/mine.json").read_text())
    assert kept["schema"] == "costopt.serving_profile/1" and kept["fitted_on"]["requests"] == 24
    assert {*kept["fitted"], *kept["left_as_shipped"]} == set(kept["values"])
    assert len(kept["points"]) == 4 and kept["residual"]["load_left_out"]["ttft_ms"] is not None
    tokens = kept["points"][0]["requests"]["prompt_tokens"]
    assert all(30 <= one <= 50 for one in tokens)  # by the server's own count
    plain = predicted(capsys, f"{HEAD}\n{GOOD}\n")[0]
    own = predicted(capsys, f"{HEAD}\n{GOOD}\n", "--efficiencies", "mine")[0]
    assert own["ttft_ms"] != plain["ttft_ms"] and own["fits"] == "true"


def test_a_profile_of_own_hardware_is_predicted_as_it_was_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An empty cell means the calibrated server's own: not bf16 and vLLM, which never ran there."""
    own = {
        "name": "my-box",
        "dense_tflops": {"fp32": 1},
        "memory_mib": 65536,
        "memory_gb_per_s": 20,
    }
    Path("box.json").write_text(json.dumps(own))
    more = ("--hardware", "box.json", "--precision", "fp32", "--engine", "transformers", *GRID)
    with running(SLOW) as server:
        code, _, err = calibrated(capsys, server.url, *more, "--profile", "box", "--yes")
    assert code == 0, err
    said, empty = predicted(
        capsys,
        f"{HEAD}\nllama-3.1-8b,my-box,transformers,fp32,256,16,1,1,2\n"
        "llama-3.1-8b,my-box,,,256,16,1,1,2\n",
        "--efficiencies", "box",
    )  # fmt: skip
    assert said["fits"] == "true" and said["ttft_ms"] == empty["ttft_ms"]


def test_nothing_is_sent_without_a_yes(capsys: pytest.CaptureFixture[str]) -> None:
    with running(SLOW) as server:
        code, out, err = calibrated(capsys, server.url, "--gpu", "h100", *GRID)
        assert (code, out) == (2, "") and server.seen == []
    assert "27 requests" in err and "--yes" in err and not Path(".costopt").exists()


@pytest.mark.parametrize("typed", ["n", "", "what?"])
def test_who_is_asked_and_does_not_say_yes_sends_nothing(typed: str) -> None:
    from costopt.wiring.selfhosting.calibrating import run
    from costopt.wiring.selfhosting.wishes import Calibration

    seen: list[str] = []

    def ask(line: str) -> str:
        seen.append(line)
        return typed

    with running(SLOW) as server:
        done = run(Calibration(server.url, "llama-3.1-8b", gpu="h100", loads="1,2"), ask=ask)
        assert done.declined and server.seen == []
    assert "35 requests to 127.0.0.1" in seen[0] and "2,240 output tokens" in seen[0]
    assert not Path(".costopt").exists()


def test_a_price_over_the_budget_stops_it(capsys: pytest.CaptureFixture[str]) -> None:
    Path("prices.yaml").write_text("models:\n  llama-3.1-8b: {input: 200.0, output: 600.0}\n")
    with running(SLOW) as server:
        code, _, err = calibrated(
            capsys,
            server.url,
            "--gpu",
            "h100",
            *GRID,
            "--prices",
            "prices.yaml",
            "--budget",
            "0.01",
        )
        assert code == 2 and "over the budget" in err and server.seen == []


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "--gpu"),
        (("--gpu", "h1000"), "No GPU"),
        (("--gpu", "h100", "--loads", "0,1"), "--loads"),
        (("--gpu", "h100", "--prompt-tokens", "x"), "--prompt-tokens"),
        (("--gpu", "h100", "--profile", "../x"), "no name"),
        (("--gpu", "h100", "--engine", "nope"), "No engine"),
        (("--gpu", "h100", "--shape", "nope"), "--shape"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], why: str
) -> None:
    with running(SLOW) as server:
        code, _, err = calibrated(capsys, server.url, *arguments, "--yes")
        assert code == 2 and why in err and server.seen == []


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (Behaviour(usage="constant"), "invents"),
        (Behaviour(usage="none"), "no usage"),
        (Behaviour(faults="401:1"), "key"),
        (Behaviour(script="ok,ok,ok,ok", faults="500:1"), ""),
    ],
)
def test_a_server_that_cannot_be_measured_leaves_no_profile(
    capsys: pytest.CaptureFixture[str], how: Behaviour, why: str
) -> None:
    with running(how) as server:
        code, out, err = calibrated(capsys, server.url, "--gpu", "h100", *GRID, "--yes")
    assert (code, out) == (5, "") and why in err and not Path(".costopt").exists()


def test_nobody_listens(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = calibrated(capsys, "http://127.0.0.1:9", "--gpu", "h100", "--yes")
    assert code == 5 and "127.0.0.1:9" in err


def test_counters_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """0.8 given that all before were accepted shows as 53.79 % of 5 drafted: it is turned back."""
    page = vllm_page(
        queries=1000, hits=400, prompt=1000, generation=500, requests=10, drafts=100_000,
        draft_tokens=500_000, accepted=[80_000, 64_000, 51_200, 40_960, 32_768], kv=0.25, waiting=3,
        ttft_s=0.2, tpot_s=0.01,
    )  # fmt: skip
    with metrics_server([page]) as url:
        ran = costopt(capsys, "selfhost", "calibrate", "--base-url", url, "--read-only")
        assert ran.code == 0, ran.err
        told = json.loads(
            costopt(capsys, "selfhost", "calibrate", "--base-url", url, "--read-only", "--json").out
        )
    assert "40.0%" in ran.out and "80.0% a position" in ran.out and "3 waiting" in ran.out
    assert told["metrics"]["conditional_acceptance"] == pytest.approx(0.8, abs=1e-6)
    assert not Path(".costopt").exists()


def test_no_counters_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with running(SLOW) as server:
        ran = costopt(capsys, "selfhost", "calibrate", "--base-url", server.url, "--read-only")
    assert ran.code == 5 and "/metrics" in ran.err
