"""The Python surface says what the command line says."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from costopt import api
from costopt.errors import InputError

SAMPLE = Path(__file__).parents[1] / "sample_traces" / "traces.jsonl"


def test_the_ledger_sums_to_the_bill(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    frame, result = api.ledger(SAMPLE), api.audit(SAMPLE)
    known = frame["usd"].dropna()
    assert all(isinstance(value, Decimal) for value in known)
    assert float(sum(known)) == result.bill.total_usd
    assert len(frame) == result.trace.calls
    assert frame.loc[frame["agent"] == "ranker", "usd"].isna().all()
    assert not list(tmp_path.iterdir())


def test_simulate_is_the_projection(tmp_path: Path) -> None:
    policy = tmp_path / "p.yaml"
    policy.write_text("version: 1\nlayers: [trim_tools: {max_tokens: 600}]\n")
    found = api.simulate(SAMPLE, policy=policy).projection
    assert found is not None
    assert [row["layer"] for row in found.layers] == ["trim_tools"]
    assert found.savings_usd > 0


def test_what_goes_wrong_is_an_error_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        api.audit(tmp_path / "nothing.jsonl")
