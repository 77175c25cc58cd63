"""`costopt reconcile` as typed: rows, exit codes, currency, --by."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from costopt.cli.main import main
from costopt.errors import GateFailed, InputError, UsageError
from costopt.model.escape import width_of
from costopt.wiring.invoicing import rate_of, share_of

# 1,000,000 fresh, 1,000,000 cached, 100,000 output tokens of gpt-5-mini: $0.25 + $0.025 + $0.20.
BODY = {
    "id": "chatcmpl-reconcile-one", "object": "chat.completion", "model": "gpt-5-mini-2025-08-07",
    "choices": [],
    "usage": {"prompt_tokens": 2_000_000, "completion_tokens": 100_000,
              "prompt_tokens_details": {"cached_tokens": 1_000_000}},
}  # fmt: skip
RECORD = {
    "id": "one", "timestamp": "2026-05-01T10:00:00Z", "provider": "openai", "project": "bot",
    "request": {"model": "gpt-5-mini"}, "response": BODY,
}  # fmt: skip


@pytest.fixture
def log(tmp_path: Path) -> str:
    path = tmp_path / "traces.jsonl"
    path.write_text(json.dumps(RECORD) + "\n")
    return str(path)


def invoice(tmp_path: Path, *rows: str, header: str = "date,model,usd") -> str:
    path = tmp_path / "invoice.csv"
    path.write_text("\n".join([header, *rows]))
    return str(path)


def exit_code(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["reconcile", *arguments, "--no-store", "--quiet"])
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


Captured = pytest.CaptureFixture[str]


def test_equal_sides(tmp_path: Path, log: str, capsys: Captured) -> None:
    path = invoice(tmp_path, "2026-05-01,gpt-5-mini,0.475")
    assert exit_code(path, log, "--tolerance", "0%") == 0
    assert "The log's bill is 0.00 % from the invoice's usage." in capsys.readouterr().out


def test_outside_the_tolerance_is_exit_3(tmp_path: Path, log: str, capsys: Captured) -> None:
    path = invoice(tmp_path, "2026-05-01,gpt-5-mini,0.60")
    assert exit_code(path, log) == GateFailed.exit_code == 3
    assert "unexplained" in capsys.readouterr().out
    assert exit_code(path, log, "--tolerance", "25%") == 0


def test_rows_of_the_json_sum_to_the_invoice(tmp_path: Path, log: str, capsys: Captured) -> None:
    path = invoice(
        tmp_path, "2026-05-01,gpt-5-mini,0.4711", "2026-05-02,o3,3.3333", "2026-05-31,VAT,0.55"
    )
    assert exit_code(path, log, "--json", "--by", "day,model") == 3
    document = json.loads(capsys.readouterr().out)
    assert sum(int(row["pusd"]) for row in document["rows"]) == 4_354_400_000_000
    assert document["invoice_usd_exact"] == "4.3544"
    assert [(c["day"], c["model"]) for c in document["by"]] == [
        ("2026-05-01", "gpt-5-mini"), ("2026-05-02", "o3"),
    ]  # fmt: skip


def test_a_foreign_currency_without_a_rate_is_an_error(tmp_path: Path, log: str) -> None:
    path = invoice(tmp_path, "2026-05-01,gpt-5-mini,0.437,EUR", header="date,model,amount,currency")
    assert exit_code(path, log) == InputError.exit_code == 4
    assert exit_code(path, log, "--fx", "0.92", "--tolerance", "0") == 0
    assert exit_code(path, log, "--fx", "nothing") == UsageError.exit_code == 2


def test_what_cannot_be_compared_by(tmp_path: Path, log: str) -> None:
    assert exit_code(invoice(tmp_path, "2026-05-01,m,1"), log, "--by", "agent") == 2


def test_an_invoice_that_is_not_there(log: str) -> None:
    assert exit_code("nowhere.csv", log) == 4
    assert exit_code() == 2


def test_since_and_until_cut_both_sides(tmp_path: Path, log: str) -> None:
    path = invoice(tmp_path, "2026-04-01,gpt-5-mini,7", "2026-05-01,gpt-5-mini,0.475")
    assert exit_code(path, log, "--tolerance", "0") == 3
    assert exit_code(path, log, "--tolerance", "0", "--since", "2026-05-01") == 0


@pytest.mark.parametrize(("text", "share"), [("1%", 0.01), ("0.05", 0.05), (" 0 %", 0.0)])
def test_tolerance(text: str, share: float) -> None:
    assert share_of(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["much", "-1%", "200%", "nan"])
def test_no_tolerance(text: str) -> None:
    with pytest.raises(UsageError):
        share_of(text)


def test_rates() -> None:
    assert rate_of(None) is None
    assert str(rate_of("0.92")) == "0.92"
    for text in ("0", "-1", "inf", "x"):
        with pytest.raises(UsageError):
            rate_of(text)


@pytest.mark.parametrize("columns", [60, 80, 140])
def test_no_line_is_wider_than_the_terminal(
    columns: int, tmp_path: Path, log: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.chdir(tmp_path)
    rows = [f"2026-05-{day:02},a-model-with-quite-a-long-name-{day},9.99" for day in range(1, 6)]
    invoice(tmp_path, *rows)
    assert exit_code("invoice.csv", log, "--by", "day,model,project") == 3
    lines = capsys.readouterr().out.splitlines()
    assert max(width_of(line) for line in lines[:-4]) <= columns
    assert any("and 2 more places" in line for line in lines)
