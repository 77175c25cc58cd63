"""`costopt calls`: the ledger's columns, exact dollars, and text that no spreadsheet runs."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from costopt.money import usd_text
from costopt.report.ledger.columns import COLUMNS, decimal_text
from costopt.report.ledger.write import csv_text
from costopt.store.store import Store
from tests.cli.run import costopt
from tests.sources.reading import SAMPLES

NATIVE = SAMPLES / "costopt-jsonl" / "calls.jsonl"
SAMPLE = Path(__file__).parents[2] / "sample_traces" / "traces.jsonl"
Capture = pytest.CaptureFixture[str]


def call(**more: object) -> dict[str, object]:
    usage = {"prompt_tokens": 2000, "completion_tokens": 100, "total_tokens": 2100,
             "prompt_tokens_details": {"cached_tokens": 1024}}  # fmt: skip
    answer = {"role": "assistant", "content": "Yes."}
    response = {"id": "chatcmpl-1", "model": "gpt-4o-2024-11-20", "usage": usage,
                "choices": [{"message": answer, "finish_reason": "stop"}]}  # fmt: skip
    request = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Is it?"}]}
    return {"id": "c1", "session_id": "s1", "timestamp": "2026-05-01T10:00:00.25Z",
            "latency_ms": 812.5, "agent": "planner", "request": request, "response": response,
            "cost_usd": 0.0047} | more  # fmt: skip


def written(tmp_path: Path, capsys: Capture, out: str, *more: object) -> Path:
    log, path = tmp_path / "log.jsonl", tmp_path / out
    if not log.exists():
        log.write_text(json.dumps(call()) + "\n")
    db = tmp_path / "l.duckdb"
    ran = costopt(capsys, "calls", log, "--db", db, "--out", path, *more)
    assert ran.code == 0, ran.err
    return path


def test_the_columns_are_those_that_others_build_on(tmp_path: Path, capsys: Capture) -> None:
    (row,) = csv.DictReader(io.StringIO(written(tmp_path, capsys, "a.csv").read_text()))
    assert tuple(row) == COLUMNS
    assert row["timestamp"] == "2026-05-01T10:00:00.250000Z"
    assert (row["input_tokens"], row["input_fresh"], row["cache_read"]) == ("2000", "976", "1024")
    assert (row["output_tokens"], row["reasoning"], row["usage"]) == ("100", "0", "reported")
    # 976 x $2.50 + 1024 x $1.25 + 100 x $10, a million.
    assert (row["usd"], row["recorded_usd"], row["discount_usd"]) == ("0.00472", "0.0047", "0")
    assert (row["status"], row["price_status"], row["batch"]) == ("ok", "priced", "false")
    assert (row["latency_ms"], row["step"], row["source_line"]) == ("812.5", "1", "1")
    assert row["source_file"].endswith("log.jsonl")


def test_all_three_files_say_the_same(tmp_path: Path, capsys: Capture) -> None:
    rows = csv.DictReader(io.StringIO(written(tmp_path, capsys, "a.csv").read_text()))
    lines = written(tmp_path, capsys, "a.jsonl").read_text().splitlines()
    table = parquet.read_table(written(tmp_path, capsys, "a.parquet")).to_pylist()
    for text, line, row in zip(rows, map(json.loads, lines), table, strict=True):
        assert list(text) == list(line) == list(row)
        for name in COLUMNS:
            if name not in ("timestamp", "batch"):
                same = "" if line[name] is None else str(line[name])
                assert text[name] == same == ("" if row[name] is None else str(row[name])), name


def test_unknown_is_empty_and_never_zero(tmp_path: Path, capsys: Capture) -> None:
    log = tmp_path / "log.jsonl"
    odd = call(id="c2", cost_usd=None)
    odd["request"] = {"model": "nobody-knows-this", "messages": []}
    odd["response"] = call()["response"] | {"id": "z", "model": "nobody-knows-this"}  # type: ignore[operator]
    log.write_text(json.dumps(odd) + "\n")
    (row,) = csv.DictReader(io.StringIO(written(tmp_path, capsys, "a.csv").read_text()))
    assert (row["usd"], row["list_usd"], row["recorded_usd"]) == ("", "", "")
    assert (row["status"], row["price_status"]) == ("unpriced", "no_model")


def test_the_views_show_the_same_dollars(tmp_path: Path, capsys: Capture) -> None:
    written(tmp_path, capsys, "a.csv")
    with Store.open(tmp_path / "l.duckdb") as store:
        views = store._connection
        assert views.sql("select usd from v_calls").fetchall() == [(Decimal("0.00472"),)]
        for view in ("v_cost_by_model", "v_cost_by_agent", "v_cost_by_day", "v_sessions"):
            assert views.table(view).project("usd").fetchall() == [(Decimal("0.00472"),)]


def test_without_traces_the_last_set_is_taken_and_named(tmp_path: Path, capsys: Capture) -> None:
    db, out = tmp_path / "l.duckdb", tmp_path / "a.csv"
    assert costopt(capsys, "ingest", NATIVE, "--db", db).code == 0
    ran = costopt(capsys, "calls", "--db", db, "--out", out)
    assert ran.code == 0
    assert "data set ingested" in ran.err
    assert len(out.read_text().splitlines()) == 6
    part = costopt(capsys, "calls", "--db", db, "--out", out, "--where", "provider=openai")
    assert part.code == 0
    empty = costopt(capsys, "calls", "--db", db, "--out", out, "--where", "agent=nobody")
    assert empty.code == 4
    assert costopt(capsys, "calls", "--db", tmp_path / "none", "--out", out).code == 2


def test_focus_keeps_list_effective_and_billed_apart(tmp_path: Path, capsys: Capture) -> None:
    overlay = tmp_path / "prices.yaml"
    overlay.write_text("discounts:\n  - {provider: openai, multiplier: 0.5}\n")
    path = written(tmp_path, capsys, "f.csv", "--focus", "--prices", overlay)
    (row,) = csv.DictReader(io.StringIO(path.read_text()))
    assert (row["ListCost"], row["EffectiveCost"], row["BilledCost"]) == (
        "0.00472", "0.00236", "0.00236",
    )  # fmt: skip
    assert (row["ConsumedQuantity"], row["ConsumedUnit"]) == ("2100", "Tokens")
    assert row["ChargePeriodStart"] == "2026-05-01T10:00:00Z"
    assert row["ChargePeriodEnd"] == "2026-05-01T10:00:02Z"
    assert row["BillingPeriodStart"] == "2026-05-01T00:00:00Z"
    assert row["BillingPeriodEnd"] == "2026-06-01T00:00:00Z"
    assert (row["ProviderName"], row["ServiceCategory"]) == ("openai", "AI and Machine Learning")
    assert json.loads(row["Tags"])["agent"] == "planner"
    names = [n for n in row if not n.startswith("x_")]
    assert names == sorted(names) and row["x_usage"] == "reported"


@pytest.mark.parametrize(
    ("text", "cell"),
    [("=1+1", "'=1+1"), ("+a", "'+a"), ("-a", "'-a"), ("@a", "'@a"), ("\ta", "' a"), ("a", "a"),
     ("a\x1b[31m", "a\\x1b[31m"), ("a\nb", "a⏎b"), ("", "")],
)  # fmt: skip
def test_no_cell_is_run_by_a_spreadsheet(text: str, cell: str) -> None:
    assert csv_text(text) == cell


def test_hostile_names_arrive_as_text(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "log.jsonl").write_text(json.dumps(call(agent="=cmd|' /C calc'!A0")) + "\n")
    (row,) = csv.DictReader(io.StringIO(written(tmp_path, capsys, "a.csv").read_text()))
    assert row["agent"] == "'=cmd|' /C calc'!A0"
    (line,) = written(tmp_path, capsys, "a.jsonl").read_text().splitlines()
    assert json.loads(line)["agent"] == "=cmd|' /C calc'!A0"


@pytest.mark.parametrize("amount", [0, 1, -1, 10**12, -(10**12), 4_700_000_000, 123, 5 * 10**17])
def test_dollars_are_written_as_money_does(amount: int) -> None:
    assert decimal_text(amount) == usd_text(amount)


def test_another_ending_is_refused_before_anything_is_lost(tmp_path: Path, capsys: Capture) -> None:
    ran = costopt(capsys, "calls", NATIVE, "--no-store", "--out", tmp_path / "a.xlsx")
    assert ran.code == 2
    assert not (tmp_path / "a.xlsx").exists()


def test_csv_on_stdout(capsys: Capture) -> None:
    ran = costopt(capsys, "calls", NATIVE, "--no-store", "--out", "-")
    assert ran.code == 0
    assert ran.out.startswith("id,session_id,timestamp,")
    assert len(ran.out.splitlines()) == 6


def test_the_ledger_sums_to_the_audit_with_own_prices(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Discounts, own GPUs whose hours go over the calls, seats: one bill, whoever prints it."""
    monkeypatch.chdir(tmp_path)  # an audit writes a policy.yaml beside itself
    overlay, db = tmp_path / "prices.yaml", tmp_path / "l.duckdb"
    overlay.write_text(
        "models:\n"
        "  nordhem-ranker-2: {gpu_hour_usd: 2.0, gpus: 1, hours: 3}\n"
        "  gpt-4.1-mini: {billing: subscription}\n"
        "discounts: [{provider: openai, multiplier: 0.85}]\n"
    )
    shared = (SAMPLE, "--db", db, "--prices", overlay, "--json", "-q")
    bill = json.loads(costopt(capsys, "audit", *shared).out)["bill"]
    assert bill["self_hosted"][0]["busy_usd"] > 0
    told = json.loads(costopt(capsys, "calls", *shared, "--out", tmp_path / "c.jsonl").out)
    rows = [json.loads(row) for row in (tmp_path / "c.jsonl").read_text().splitlines()]
    sums = {sum(Decimal(r["usd"]) for r in rows if r["usd"]), Decimal(told["total_usd"])}
    assert {float(s) for s in sums} == {bill["total_usd"]}
