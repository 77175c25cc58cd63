"""`audit`, `demo`, `checklist` and `report` end to end, on the packed sample."""

from __future__ import annotations

import gzip
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from costopt.model.escape import width_of
from tests.cli.run import costopt

SAMPLE = Path(__file__).parent.parent.parent / "sample_traces" / "traces.jsonl"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    ran = costopt(capsys, *arguments)
    return ran.code, ran.out, ran.err


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def result(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    code, out, _ = run(capsys, "audit", SAMPLE, "--no-store", "--json")
    assert code == 0
    return json.loads(out)  # type: ignore[no-any-return]


def test_json_stands_alone_on_stdout_and_is_the_published_schema(result: dict[str, Any]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    from costopt.report.render.schema import PUBLISHED, result_schema, schema_text
    from costopt.wiring.pages import texts

    schema = json.loads(PUBLISHED.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(result, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(result | {"bill": {}}, schema)
    assert PUBLISHED.read_text() == schema_text(result_schema(texts("numbers")))


def test_every_number_of_the_result_is_explained(result: dict[str, Any]) -> None:
    from costopt.wiring.pages import texts

    known, open_names = set(texts("numbers")), set()

    def walk(value: Any, path: tuple[str, ...]) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                # Evidence is each finding's own; its page says what the numbers are.
                walk(inner, path if path[-1:] == ("evidence",) else (*path, key))
        elif isinstance(value, list):
            for inner in value:
                walk(inner, path)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            names = {".".join(path[:i]) for i in range(1, len(path) + 1)}
            if not names & known:
                open_names.add(".".join(path))

    walk(result, ())
    assert not open_names


def test_the_parts_of_the_sample_sum_to_its_bill(result: dict[str, Any]) -> None:
    bill = result["bill"]
    for name in ("by_agent", "by_model", "by_component", "by_day", "paid_for"):
        assert sum(r["usd"] for r in bill[name]) == pytest.approx(bill["total_usd"], abs=1e-9)
    assert [c["id"] for c in result["checklist"]] == list(range(1, 11))
    assert result["findings"][0]["id"] == "F1"


@pytest.mark.parametrize("columns", [60, 80, 140])
def test_the_screen_fits_and_sums(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    code, out, _ = run(capsys, "demo")
    lines = out.splitlines()
    assert code == 0
    assert max(width_of(line) for line in lines) <= columns
    if columns >= 80:
        assert len(lines) <= 40
    text = out[: out.index("DO FIRST")]
    total = re.search(r"BILL  \$([\d.,]+)", text)
    assert total
    cents = round(100 * float(total[1].replace(",", "")))
    where, paid = _blocks(text, columns)
    assert _cents(where) == cents
    assert _cents(paid) == cents


def _blocks(text: str, columns: int) -> tuple[str, str]:
    """The rows under WHERE and those under WHAT IS PAID FOR, side by side or one below the other."""
    body = text[text.index("WHERE") :]
    if columns < 76:
        where, _, paid = body.partition("WHAT IS PAID FOR")
        return where, paid
    lines = body.splitlines()
    half = lines[0].index("WHAT IS PAID FOR")
    return "\n".join(x[:half] for x in lines), "\n".join(x[half:] for x in lines)


def _cents(block: str) -> int:
    rows = re.findall(r"(?<!<)\$([\d,]+\.\d\d) +<?[\d.]+ %", block)
    return sum(round(100 * float(r.replace(",", ""))) for r in rows)


def test_a_real_terminal_gets_colour_and_the_same_words(tmp_path: Path) -> None:
    """On a pseudo-terminal of 80 columns; NO_COLOR leaves the words alone."""
    if sys.platform == "win32":
        pytest.skip("no pseudo-terminals here")
    plain, painted = (_on_terminal(tmp_path, extra) for extra in ({"NO_COLOR": "1"}, {}))
    assert "\x1b[1m" in painted
    assert "\x1b" not in plain
    words = re.sub(r"\x1b\[[\d;]*m", "", painted)
    assert [x.split() for x in words.splitlines()[1:]] == [
        x.split() for x in plain.splitlines()[1:]
    ]
    assert max(width_of(line) for line in plain.splitlines()) <= 80


def _on_terminal(folder: Path, extra: dict[str, str]) -> str:
    import fcntl
    import pty
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 45, 80, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR")} | extra
    process = subprocess.Popen(
        [sys.executable, "-m", "costopt", "demo"], stdout=follower, stderr=subprocess.DEVNULL,
        stdin=follower, cwd=folder, env=environment,
    )  # fmt: skip
    os.close(follower)
    seen = b""
    while True:
        try:
            chunk = os.read(leader, 65536)
        except OSError:  # Linux says so when the other side is closed
            break
        if not chunk:
            break
        seen += chunk
    assert process.wait() == 0
    os.close(leader)
    return seen.decode().replace("\r\n", "\n").strip("\n")


def test_report_takes_the_last_audit_without_reading_again(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    copy = tmp_path / "log.jsonl"
    copy.write_bytes(Path(SAMPLE).read_bytes())
    assert run(capsys, "audit", str(copy), "-q")[0] == 0
    copy.unlink()
    code, _, _ = run(capsys, "report", "--html", "r.html", "--md", "r.md", "--png", "charts")
    assert code == 0
    page = (tmp_path / "r.html").read_text()
    assert len(page) < 2_000_000
    assert "log.jsonl" in page
    assert len(list((tmp_path / "charts").glob("*.png"))) >= 4


def test_report_reads_a_result(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    _, out, _ = run(capsys, "audit", SAMPLE, "--no-store", "--json")
    (tmp_path / "r.json").write_text(out)
    code, page, _ = run(capsys, "report", "r.json", "--md", "-")
    assert code == 0
    assert page.startswith("# LLM bill: ")
    (tmp_path / "r.json").write_text(out.replace("costopt.result/1", "costopt.result/9", 1))
    code, _, err = run(capsys, "report", "r.json", "--md", "-")
    assert code == 4
    assert "costopt.result/9" in err


def test_checklist_with_evidence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "model_list: []\nagent_list: [{litellm_params: {max_budget_per_session: 0.4}}]\n"
    )
    code, out, _ = run(capsys, "checklist", SAMPLE, "--no-store", "--evidence", "config.yaml")
    assert code == 0
    nine = out[out.index(" 9 budget") : out.index("10 cost dashboards")]
    assert "PASS" in nine
    assert "config.yaml: agent_list.0.litellm_params.max_budget_per_session" in " ".join(
        nine.split()
    )


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("audit", "missing.jsonl"), 4, "missing.jsonl"),
        (("audit",), 2, "costopt audit TRACES"),
        (("audit", SAMPLE, "--no-store", "--tz", "Nowhere/Else"), 2, "--tz"),
        (("audit", SAMPLE, "--no-store", "--by", "agnet"), 2, "agent"),
        (("audit", SAMPLE, "--no-store", "--where", "agnet=x"), 2, "agent"),
        (("audit", SAMPLE, "--no-store", "--as-of", "soon"), 2, "--as-of"),
        (("audit", SAMPLE, "--no-store", "--evidence", "none.yaml"), 4, "none.yaml"),
        (("report",), 2, "--html"),
        (("explain", "cache_breaker"), 2, "cache_breakers"),
    ],
)  # fmt: skip
def test_errors_are_sentences_with_an_exit_code(
    arguments: tuple[object, ...], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found, out, err = run(capsys, *arguments)
    assert found == code, err
    assert words in err
    assert "Traceback" not in err
    assert out == ""


@pytest.mark.parametrize("name", ["empty.jsonl", "empty.gz", "packed.gz"])
def test_an_empty_file_is_called_empty(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(gzip.compress(b"") if name == "packed.gz" else b"")
    code, out, err = run(capsys, "audit", name, "--no-store")
    assert (code, out) == (4, "")
    assert "The file is empty." in err and len(err.splitlines()) == 1


def test_slices(capsys: pytest.CaptureFixture[str]) -> None:
    _, whole, _ = run(capsys, "audit", SAMPLE, "--no-store", "--json", "--by", "day,agent")
    _, part, _ = run(
        capsys,
        "audit",
        SAMPLE,
        "--no-store",
        "--json",
        "--where",
        "agent=coder",
        "--since",
        "2026-10-01",
    )
    all_rows, coder = json.loads(whole)["bill"], json.loads(part)["bill"]
    expected = next(r["usd"] for r in all_rows["by_agent"] if r["agent"] == "coder")
    assert coder["total_usd"] == pytest.approx(expected, abs=1e-12)
    every = json.loads(whole)["trace"]["calls"]
    note = json.loads(part)["coverage"]["notes"][0]
    assert note.startswith(f"Part of the log: 42 of {every} calls")
    assert sum(r["usd"] for r in all_rows["by"]["day,agent"]) == pytest.approx(
        all_rows["total_usd"]
    )


def test_a_log_without_text_gives_the_same_bill_and_claims_nothing_about_text(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    calls = [
        {"id": f"c{i}", "timestamp": f"2026-05-0{i + 1}T10:00:00Z", "session_id": f"s{i % 2}",
         "provider": "openai", "agent": "a", "request": {"model": "gpt-4o", "messages": [
             {"role": "user", "content": "hello " * 400}]},
         "response": {"id": f"r{i}", "model": "gpt-4o-2024-11-20", "choices": [],
                      "usage": {"prompt_tokens": 400, "completion_tokens": 40}}}
        for i in range(6)
    ]  # fmt: skip
    totals = []
    for name, drop in (("full.jsonl", False), ("bare.jsonl", True)):
        for call in calls:
            if drop:
                call["request"] = {"model": "gpt-4o"}
        (tmp_path / name).write_text("".join(json.dumps(c) + "\n" for c in calls))
        totals.append(json.loads(run(capsys, "audit", name, "--no-store", "--json")[1]))
    full, bare = totals
    assert full["bill"]["total_usd"] == bare["bill"]["total_usd"] == 6 * (400 * 2.5 + 40 * 10) / 1e6
    assert (full["coverage"]["content"], bare["coverage"]["content"]) == ("full", "none")
    assert [c["status"] for c in bare["checklist"] if c["id"] in (1, 3, 4, 5)] == ["unknown"] * 4
    _, screen, _ = run(capsys, "audit", "bare.jsonl", "--no-store")
    assert "content: none (usage only)" in screen
    assert "Turn on prompt logging" in " ".join(screen.split())
    assert "little left to save" not in screen


def test_the_last_line_is_a_command_that_works(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "audit", SAMPLE, "-q")
    assert "Next  costopt show F1" in out
    assert run(capsys, "show", "F1", "-q")[0] == 0
    _, out, _ = run(capsys, "audit", "-q", "--where", "agent=coder")
    assert "costopt show F1 --where agent=coder" in out
    _, out, _ = run(capsys, "demo")
    assert "costopt audit YOUR_EXPORT" in out.splitlines()[-1]


def test_by_is_shown_and_sums(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "audit", SAMPLE, "--no-store", "--by", "agent,model")
    block = out[out.index("BY AGENT,MODEL") :]
    total = re.search(r"BILL  \$([\d.]+)", out)
    assert total and _cents(block) == round(100 * float(total[1]))


@pytest.mark.parametrize("arguments", ["demo", "demo --json", "prices show gpt-4o", "--help"])
def test_a_reader_that_goes_away_is_no_crash(arguments: str, tmp_path: Path) -> None:
    done = _in_bash(f"{arguments} | true; exit ${{PIPESTATUS[0]}}", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device here")
def test_a_full_disk_under_the_output_is_a_sentence(tmp_path: Path) -> None:
    for arguments in ("demo", "demo --json"):
        done = _in_bash(f"{arguments} > /dev/full", tmp_path)
        assert done.returncode == 2
        assert done.stderr.startswith("costopt: the output cannot be written: ")
        assert len(done.stderr.splitlines()) == 1


def test_a_closed_stdout_is_no_crash(tmp_path: Path) -> None:
    done = _in_bash("demo >&-", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def _in_bash(arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = f"{shlex.quote(sys.executable)} -m costopt {arguments}"
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=folder)


def test_report_takes_what_every_reader_of_traces_takes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A part of the trace, JSON, quiet; and what cannot be written is a sentence."""
    assert run(capsys, "audit", SAMPLE, "-q")[0] == 0
    _, whole, _ = run(capsys, "report", "--json", "-q")
    _, part, said = run(capsys, "report", "--json", "-q", "--where", "agent=coder", "--md", "r.md")
    assert json.loads(part)["trace"]["calls"] < json.loads(whole)["trace"]["calls"]
    assert said == ""
    (tmp_path / "r.json").write_text(whole)
    assert run(capsys, "report", "r.json", "--where", "agent=coder", "--md", "-")[0] == 2
    for option, place in (("--html", "r.json/x.html"), ("--png", "r.json"), ("--md", ".")):
        code, _, err = run(capsys, "report", "r.json", option, place)
        assert code == 2
        assert "cannot write it" in err


def test_a_result_names_its_log_from_the_working_folder(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "log.jsonl").write_bytes(SAMPLE.read_bytes())
    _, out, _ = run(capsys, "audit", "log.jsonl", "--json", "-q")
    assert json.loads(out)["dataset"] == "log.jsonl"
    assert str(tmp_path) not in out
    _, out, _ = run(capsys, "audit", "--json", "-q")
    assert json.loads(out)["dataset"] == "log.jsonl"
    assert str(tmp_path) not in out


def test_reading_again_without_content_says_what_went(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(capsys, "audit", SAMPLE, "-q")[0] == 0
    _, out, err = run(capsys, "audit", SAMPLE, "--no-content", "--json")
    assert re.search(r"erased [\d,]+ texts that an earlier reading kept", err)
    assert json.loads(out)["coverage"]["notes"][0].startswith("Texts were not kept")
    assert run(capsys, "store", "compact")[0] == 0
    assert b"You work at the support desk" not in (tmp_path / ".costopt/ledger.duckdb").read_bytes()


def test_the_next_commands_carry_prices_and_keep_nothing_where_nothing_was_kept(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "p.yaml").write_text("discounts: [{provider: openai, multiplier: 0.5}]\n")
    _, out, _ = run(capsys, "audit", SAMPLE, "-q", "--no-store", "--prices", "p.yaml")
    last = " ".join(out[out.index("Next ") :].split())
    assert f"costopt show F1 {SAMPLE} --no-store --prices p.yaml" in last
    assert f"costopt report --html r.html {SAMPLE} --no-store --prices p.yaml" in last
    assert not (tmp_path / ".costopt").exists()


def test_an_audit_proposes_a_policy_that_the_next_command_takes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    _, out, err = run(capsys, "audit", SAMPLE, "--json")
    assert "wrote policy.yaml" in err
    audited = json.loads(out)["projection"]
    _, out, _ = run(capsys, "simulate", "--policy", "policy.yaml", "--json", "-q")
    simulated = json.loads(out)["projection"]
    for name in (
        "baseline_usd",
        "projected_usd",
        "savings_usd",
        "verified_savings_usd",
        "ci95_pct",
    ):
        assert simulated[name] == audited[name], name
    assert [r["layer"] for r in simulated["layers"]] == [r["layer"] for r in audited["layers"]]
    assert audited["policy"] == "safe defaults"
    assert audited["verified_savings_usd"] > 0


def test_a_policy_that_is_there_stays_and_one_that_is_named_is_projected(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = "version: 1\nlayers:\n  - window: {turns: 8}\n"
    (tmp_path / "policy.yaml").write_text(text)
    _, out, err = run(capsys, "audit", SAMPLE, "--json")
    assert "policy.yaml is there already and stays as it is" in err
    assert json.loads(out)["projection"]["policy"] == "safe defaults"
    _, out, err = run(capsys, "audit", SAMPLE, "--json", "--policy", "policy.yaml")
    found = json.loads(out)["projection"]
    assert (found["policy"], [r["layer"] for r in found["layers"]]) == ("policy.yaml", ["window"])
    assert found["layers"][0]["verified_step_usd"] in (None, found["layers"][0]["step_usd"])
    assert "stays as it is" not in err
    assert (tmp_path / "policy.yaml").read_text() == text
    code, _, err = run(capsys, "audit", SAMPLE, "--policy", "other.yaml")
    assert code == 2 and "other.yaml" in err


def test_nothing_is_written_without_a_store(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run(capsys, "audit", SAMPLE, "--no-store", "-q")
    run(capsys, "demo")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_takes_no_policy_does_not_undo_the_audit(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("costopt.wiring.projecting.DEFAULT_POLICY", Path("a file/policy.yaml"))
    (tmp_path / "a file").write_text("")
    code, out, err = run(capsys, "audit", SAMPLE)
    assert code == 0 and "DO FIRST" in out
    assert "cannot write it" in err


def test_looking_at_a_finding_leaves_the_kept_result_as_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(capsys, "audit", SAMPLE, "-q")
    _, out, _ = run(capsys, "show", "F1", "-q")
    assert "Layer prompt_layout does it" in " ".join(out.split())
    _, out, _ = run(capsys, "report", "--json", "-q")
    kept = json.loads(out)
    assert kept["projection"]["layers"] and kept["advice"]


def test_every_harmful_check_costs_what_its_layer_costs_alone(result: dict[str, Any]) -> None:
    tried = {a["name"]: a["usd"] for a in result["advice"]}
    by_check = {"semantic_cache": "semantic_cache_usual"}
    harmful = [c for c in result["checklist"] if c["status"] == "harmful"]
    assert "window" in {c["name"] for c in harmful}
    for item in harmful:
        assert item["usd"] == tried[by_check.get(item["name"], item["name"])] < 0
