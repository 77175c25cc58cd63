"""`costopt prices`: the four commands, as a person and as a script sees them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from costopt.cli.main import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as done:
        main(["prices", *arguments])
    out = capsys.readouterr()
    return int(done.value.code or 0), out.out, out.err


def test_show_tells_periods_tiers_cache_rule_and_sources(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, _ = run(capsys, "show", "o3")
    assert code == 0
    for part in ("2025-06-10", "batch", "flex", "priority", "no price", "prompt cache", "https://"):
        assert part in out
    _, out, _ = run(capsys, "show", "gpt-4o", "--json")
    data = json.loads(out)
    assert data["schema"] == "costopt.prices/1"
    assert (
        data["tiers"]["default"]["periods"][-1]["context"][0]["usd_per_mtok"]["input_fresh"]
        == "2.5"
    )


def test_show_of_an_unknown_model_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "show", "gpt-5-mnii", "--provider", "openai")
    assert code == 4
    assert "gpt-5-mini" in err


def test_show_keeps_hourly_prices_short(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "show", "deepseek-v4-flash")
    assert out.count("\n") < 60


def test_check_without_a_log_tells_the_age(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prices.yaml").write_text("models: {own: {input: 1, output: 2}}")
    code, out, _ = run(capsys, "check", "--prices", "prices.yaml")
    assert code == 0
    assert "days old" in out
    assert "prices.yaml is valid: 1 models" in out


def test_check_of_a_log_keeps_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    usage = {"prompt_tokens": 10, "completion_tokens": 2}
    lines = [
        {"id": str(i), "provider": "openai", "timestamp": "2026-11-01T00:00:00Z",
         "request": {"model": m}, "response": {"id": f"r{i}", "model": m, "usage": usage}}
        for i, m in enumerate(("gpt-4o", "gpt-99"))
    ]  # fmt: skip
    (tmp_path / "log.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    code, out, _ = run(capsys, "check", "log.jsonl", "--json", "--quiet")
    assert code == 0
    models = {m["model"]: m["status"] for m in json.loads(out)["models"]}
    assert models == {"gpt-4o": "priced", "gpt-99": "unpriced"}
    assert not (tmp_path / ".costopt").exists()


def test_diff_of_days_and_of_overlays(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    _, out, _ = run(capsys, "diff", "2025-01-01", "2026-10-01", "--model", "o3", "--json")
    changes = {c["unit"]: (c["old"], c["new"]) for c in json.loads(out)["changes"]}
    assert changes["input_fresh"] == ("10", "2")
    assert changes["cache_read"] == ("2.5", "0.5")
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text("models: {own: {input: 1, output: 2}}")
    new.write_text(
        "models: {own: {input: 1, output: 3}}\ndiscounts: [{provider: x-ai, multiplier: 0.5}]"
    )
    _, out, _ = run(capsys, "diff", str(old), str(new))
    assert "own" in out
    assert "output_text: 2 -> 3  +50.0 %" in out
    assert "x-ai/grok-4-0709" in out
    code, _, err = run(capsys, "diff", str(old), "2026-01-01")
    assert code == 2
    assert "both" in err


def test_overlay_is_checked_and_printed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text("models:\n  own: {input: 1, output: 2}\n")
    code, out, _ = run(capsys, "overlay", str(path))
    assert code == 0
    assert "line 2" in out
    path.write_text("models:\n  own: {inptu: 1}\n")
    code, _, err = run(capsys, "overlay", str(path))
    assert code == 2
    assert "prices.yaml:2" in err
    assert "Did you mean `input`?" in err
