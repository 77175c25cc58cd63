"""Bills that must come out exactly (calls, tokens and dollars of real traces)."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from validation.table import Table


def audit(*traces: Path, extra: tuple[str, ...] = ()) -> dict[str, Any]:
    """The result JSON of `costopt audit`, in a fresh process and an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "costopt", "audit", *map(str, traces), "--json", *extra]
        done = subprocess.run(command, capture_output=True, cwd=folder, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed: {done.stderr.decode()[-2000:]}")
    return json.loads(done.stdout)


def run(shared: Path, table: Table) -> None:
    """All traces of the first group."""
    traces = shared / "traces"
    _mini_swe(audit(traces / "miniswe-gemini3" / "trajs"), table)
    _claude_code(audit(traces / "claudecode-vsla"), table)
    _tau2(shared, table)
    _autocoderover(traces / "acr-gpt4", table)
    _estimated(traces, table)
    _langfuse(traces / "langfuse-frameworks", table)


def _tokens(result: dict[str, Any]) -> dict[str, int]:
    return result["bill"]["tokens"]


def _mini_swe(result: dict[str, Any], table: Table) -> None:
    table.title("miniswe-gemini3")
    bill, tokens = result["bill"], _tokens(result)
    table.equal("sessions", 50, result["trace"]["sessions"])
    table.equal("calls", 1881, result["trace"]["calls"])
    table.equal("input tokens", 27_130_358, tokens["input"])
    table.equal("cached input tokens", 22_113_909, tokens["input_cache_read"])
    table.equal("output tokens", 479_746, tokens["output"])
    table.near("recorded dollars", 20.2126318, bill["recorded_usd"], 1e-9)
    table.near("computed dollars", 20.2126318, bill["total_usd"], 1e-6)
    found = bill["reconciliation"]
    table.equal("calls equal to their recorded cost", 1881, found["equal"])
    table.at_most("largest difference of a call, dollars", 1e-9, found["max_abs_diff_usd"])


def _claude_code(result: dict[str, Any], table: Table) -> None:
    table.title("claudecode-vsla")
    tokens = _tokens(result)
    table.equal("sessions", 6, result["trace"]["sessions"])
    table.equal("calls", 606, result["trace"]["calls"])
    models = {m["model"]: m["calls"] for m in result["bill"]["by_model"]}
    table.equal("opus calls", 177, models.get("claude-opus-4-20250514"))
    table.equal("sonnet calls", 429, models.get("claude-sonnet-4-20250514"))
    fresh = tokens["input"] - tokens["input_cache_read"] - tokens["input_cache_write"]
    table.equal("fresh input tokens", 1_789, fresh)
    table.equal("cache writes", 2_059_710, tokens["input_cache_write"])
    table.equal("cache reads", 45_488_668, tokens["input_cache_read"])
    table.equal("output tokens", 76_673, tokens["output"])
    table.near("dollars at list prices", 38.5072323, result["bill"]["total_usd"], 5e-8)


def _tau2(shared: Path, table: Table) -> None:
    table.title("tau2-retail")
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as out:
        tool = shared / "tools" / "tau2_to_native.py"
        folders = [
            str(p) for p in sorted((shared / "traces" / "tau2-retail").iterdir()) if p.is_dir()
        ]
        subprocess.run([sys.executable, str(tool), *folders], stdout=out, check=True)
        result = audit(Path(out.name))
        agent = audit(Path(out.name), extra=("--where", "agent=retail_agent"))
        user = audit(Path(out.name), extra=("--where", "agent=user_simulator"))
    table.equal("calls", 3228, result["trace"]["calls"])
    table.equal("sessions", 159, result["trace"]["sessions"])
    table.equal("agent calls", 1974, agent["trace"]["calls"])
    for name, key, expected in (
        ("input", "input", 12_255_763),
        ("cached", "input_cache_read", 8_387_354),
        ("output", "output", 422_381),
    ):
        table.equal(f"agent {name} tokens", expected, _tokens(agent)[key])
    table.near("agent dollars", 2.26086591, agent["bill"]["total_usd"], 1e-9)
    expected_models = {
        "gpt-4.1-mini": (495, 0.4982788),
        "gpt-5-mini": (514, 0.5325136),
        "gpt-5-nano": (532, 0.12895671),
        "gemini-3-flash-preview": (433, 1.1011168),
    }
    got = {m["model"]: (m["calls"], m["usd"]) for m in agent["bill"]["by_model"]}
    for model, (calls, usd) in expected_models.items():
        table.equal(f"agent calls {model}", calls, got.get(model, (0, 0))[0])
        table.near(f"agent dollars {model}", usd, got.get(model, (0, 0.0))[1], 1e-9)
    table.equal("simulator calls", 1254, user["trace"]["calls"])
    table.equal("simulator input tokens", 2_367_536, _tokens(user)["input"])
    table.equal("simulator cached tokens", 1_053_568, _tokens(user)["input_cache_read"])
    table.equal("simulator output tokens", 49_291, _tokens(user)["output"])
    table.near("simulator dollars", 0.7098096, user["bill"]["total_usd"], 1e-9)


def _autocoderover(folder: Path, table: Table) -> None:
    table.title("acr-gpt4 (totals of every cost.json)")
    costs = [json.loads(p.read_text()) for p in sorted(folder.rglob("cost.json"))]
    result = audit(folder)
    table.equal(
        "input tokens", sum(c["total_input_tokens"] for c in costs), _tokens(result)["input"]
    )
    table.equal(
        "output tokens", sum(c["total_output_tokens"] for c in costs), _tokens(result)["output"]
    )
    total = sum(c["total_cost"] for c in costs)
    table.near("recorded dollars", total, result["bill"]["recorded_usd"], 1e-6)
    table.near("computed dollars", total, result["bill"]["total_usd"], 1e-6)
    table.equal("cache share", 0.0, result["prompt_cache"]["modelled_share"] or 0.0)


def _estimated(traces: Path, table: Table) -> None:
    table.title("logs without usage: estimated or missing, never $0")
    for name in ("taubench-gpt4o-airline", "sweagent-java"):
        result = audit(traces / name)
        bill = result["bill"]
        table.shown(f"{name}: calls", result["trace"]["calls"])
        unknown = bill["estimated_calls"] + bill["missing_usage_calls"]
        table.shown(f"{name}: estimated or missing calls", unknown)
        table.shown(f"{name}: dollars", bill["total_usd"], f"recorded {bill['recorded_usd']}")
        known = bill["total_usd"] > 0 or unknown + bill["unpriced_calls"] > 0
        table.equal(f"{name}: nothing without usage is $0", True, known)


def _langfuse(folder: Path, table: Table) -> None:
    table.title("langfuse-frameworks (generations with usageDetails and costDetails)")
    result = audit(folder)
    seen: dict[str, Any] = {}
    for path in sorted(folder.glob("*.json")):
        for item in json.loads(path.read_text())["observations"]:
            if item["type"] == "GENERATION":
                seen[item["id"]] = item
    table.shown("generations in the files", len(seen))
    table.shown("calls", result["trace"]["calls"])
    table.shown(
        "dollars", result["bill"]["total_usd"], f"recorded {result['bill']['recorded_usd']}"
    )
