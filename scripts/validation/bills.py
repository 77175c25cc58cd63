"""Bills that must come out exactly (calls, tokens and dollars of real traces)."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

from validation import laws
from validation.running import Ran, fresh
from validation.table import Table

LIMIT_S = 60.0
"""One minute from a log to its bill, on any machine that runs this."""


def run(shared: Path, table: Table) -> None:
    """All traces of the first group."""
    traces = shared / "traces"
    _mini_swe(traces / "miniswe-gemini3" / "trajs", table)
    _claude_code(traces / "claudecode-vsla", table)
    _tau2(shared, table)
    _autocoderover(traces / "acr-gpt4", table)
    _estimated(traces, table)
    _langfuse(traces / "langfuse-frameworks", table)


def _audited(what: str, table: Table, *traces: Path, extra: tuple[str, ...] = ()) -> Ran:
    ran = fresh(*traces, extra=extra)
    table.in_time(f"{what}: audited within", LIMIT_S, ran.seconds)
    laws.ledger(what, ran, table)
    return ran


def _tokens(result: dict[str, Any]) -> dict[str, int]:
    return result["bill"]["tokens"]


def _mini_swe(folder: Path, table: Table) -> None:
    table.title("miniswe-gemini3")
    result = _audited("miniswe", table, folder).result
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


def _claude_code(folder: Path, table: Table) -> None:
    table.title("claudecode-vsla")
    result = _audited("Claude Code", table, folder).result
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
        result = _audited("tau2", table, Path(out.name)).result
        agent = fresh(Path(out.name), extra=("--where", "agent=retail_agent")).result
        user = fresh(Path(out.name), extra=("--where", "agent=user_simulator")).result
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
    result = _audited("AutoCodeRover", table, folder).result
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
        ran = _audited(name, table, traces / name)
        bill, calls = ran.bill, ran.result["trace"]["calls"]
        unknown = bill["estimated_calls"] + bill["missing_usage_calls"]
        table.equal(f"{name}: estimated or missing, of all calls", calls, unknown)
        table.equal(f"{name}: calls said to report usage", 0, _reporting(ran))
        zero = [c for c in ran.calls if c["usd"] is not None and Decimal(c["usd"]) == 0]
        table.equal(f"{name}: calls at $0", 0, len(zero))
        table.shown(f"{name}: dollars", f"{bill['total_usd']:.4f}", "estimated")
        table.shown(f"{name}: recorded by the runs", f"{bill['recorded_usd']:.4f}")
        if name == "sweagent-java":
            _run_totals(traces / name, ran, table)


def _run_totals(folder: Path, ran: Ran, table: Table) -> None:
    """SWE-agent counts a run as a whole: its calls carry shares, exact in sum."""
    runs = [json.loads(p.read_text())["info"]["model_stats"] for p in folder.rglob("*.traj")]
    for what, ours in (("tokens_sent", "input"), ("tokens_received", "output")):
        table.equal(f"sum of {what}", sum(s[what] for s in runs), ran.bill["tokens"][ours])
    cost = sum(s["instance_cost"] for s in runs)
    table.near("sum of instance_cost", cost, ran.bill["recorded_usd"], 1e-9)


def _reporting(ran: Ran) -> int:
    return sum(c["usage"] == "reported" for c in ran.calls)


def _langfuse(folder: Path, table: Table) -> None:
    table.title("langfuse-frameworks, generation by generation")
    ran = _audited("langfuse", table, folder)
    seen: dict[str, Any] = {}
    for path in sorted(folder.glob("*.json")):
        for item in json.loads(path.read_text())["observations"]:
            seen[item["id"]] = item
    wanted = {i: o for i, o in seen.items() if o["type"] == "GENERATION"}
    wrappers = {above for i in wanted for above in _above(seen[i], seen)} & wanted.keys()
    table.shown("generations, of them around other generations", f"{len(wanted)}, {len(wrappers)}")
    calls = {c["id"]: c for c in ran.calls}
    table.equal("calls", sorted(wanted.keys() - wrappers), sorted(calls))
    for key, call in sorted(calls.items(), key=lambda pair: pair[1]["timestamp"]):
        item = wanted[key]
        usage, cost = item["usageDetails"], item["costDetails"].get("total")
        told = f"{usage['input']} in, {_output(usage)} out, ${Decimal(str(cost)):f}"
        recorded = "none" if call["recorded_usd"] is None else f"{Decimal(call['recorded_usd']):f}"
        got = f"{call['input_tokens']} in, {call['output_tokens']} out, ${recorded}"
        table.equal(f"{call['model']} {key[:8]}", told, got)
    same = [
        c for c in ran.calls if abs(float(c["usd"] or 0) - float(c["recorded_usd"] or 0)) < 1e-9
    ]
    table.shown("calls whose computed cost is the recorded one", f"{len(same)} of {len(calls)}")


def _above(item: dict[str, Any], seen: dict[str, Any]) -> list[str]:
    """Ids of the observations around one."""
    found: list[str] = []
    while (parent := item.get("parentObservationId")) in seen and parent not in found:
        found.append(str(parent))
        item = seen[parent]
    return found


def _output(usage: dict[str, int]) -> int:
    """All output: reasoning stands beside it where only so the total adds up."""
    beside = usage.get("output_reasoning", 0)
    whole = usage["input"] + usage["output"] + beside == usage["total"]
    return usage["output"] + (beside if whole else 0)
