"""Every format sample against its expected totals; the formats that are not read must be refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from costopt.sources.detect import formats
from validation import laws
from validation.running import WRITES, Ran, Refused, command, files_in, here, total
from validation.table import Table

LATER: dict[str, str] = {
    "aider": "aider's analytics and chat history",
    "braintrust": "Braintrust project logs",
    "cline": "Cline tasks",
    "codex-rollout": "Codex rollouts",
    "codex-usage-record": "Codex usage records",
    "datadog": "Datadog LLM spans",
    "gemini-cli": "Gemini CLI chats",
    "gemini-cli-legacy": "Gemini CLI chats of 2025",
    "inspect-ai": "inspect_ai logs",
    "mlflow": "MLflow traces",
    "opencode": "OpenCode storage",
    "openhands": "OpenHands states",
    "openinference": "OpenInference spans",
    "openllmetry": "OpenLLMetry spans",
    "otel_genai": "OpenTelemetry GenAI spans and logs",
    "portkey": "Portkey log exports",
    "roo-code": "Roo Code tasks",
    "tau2-bench": "tau2-bench results",
    "weave": "Weave calls",
}
"""Logs of calls that have no reader yet."""
NO_LOGS: dict[str, str] = {
    "anthropic-usage-api": "sums by day: `costopt reconcile` reads them",
    "openai-usage-api": "sums by day: `costopt reconcile` reads them",
    "deployment": "settings and metrics: `--evidence` reads them",
}
IN_ORDER = ("anthropic-stream", "azure-openai", "gemini-generate-content", "openai-chat-stream",
            "openai-compat", "openai-responses")  # fmt: skip
"""Folders with streams, one answer in many records: their order is their meaning."""


def run(shared: Path, table: Table) -> None:
    """One title a sample folder; refusals last."""
    folders = sorted((shared / "formats" / "samples").iterdir())
    for folder in folders:
        if folder.name not in LATER and folder.name not in NO_LOGS:
            table.title(f"sample: {folder.name}")
            _sample(folder, table)
    table.title("not read yet, and refused with the formats that were tried")
    for folder in folders:
        why = LATER.get(folder.name) or NO_LOGS.get(folder.name)
        if why:
            codes = {_refusal(path) for path in (folder, *files_in(folder))}
            table.equal(f"{folder.name} ({why})", "exit 4", ", ".join(sorted(codes)))


def _sample(folder: Path, table: Table) -> None:
    expected = json.loads((folder / "expected.json").read_text())
    parts: dict[str, dict[str, Any]] = expected.get("files") or {folder.name: expected}
    for name, wanted in sorted(parts.items()):
        path = folder / name if "files" in expected else folder
        try:
            ran = here(path)
        except Refused as error:
            table.equal(f"{name}: can be read", True, error.said[-60:])
            continue
        _figures(name, wanted, ran, table)
        laws.all_laws(name, path, ran, table, in_order=folder.name in IN_ORDER)


def _figures(name: str, wanted: dict[str, Any], ran: Ran, table: Table) -> None:
    got = figures(ran, counts_too=not wanted.get("usage_missing"))
    for key, value in wanted.items():
        if key in got:
            table.equal(f"{name}: {key}", value, got[key])
    recorded = wanted.get("recorded_usd")
    if recorded is None:
        table.equal(f"{name}: recorded_usd", None, ran.bill["recorded_usd"])
    else:
        table.near(f"{name}: recorded_usd", recorded, ran.bill["recorded_usd"], 1e-9)


def figures(ran: Ran, counts_too: bool) -> dict[str, Any]:
    """The names of expected.json. `counts_too`: counts that the log does not report a call by call."""
    rows = [c for c in ran.served if counts_too or c["usage"] == "reported"]
    trace, bill = ran.result["trace"], ran.bill
    return {
        "calls": trace["calls"],
        "duplicates": trace["duplicates"],
        "rejected": trace["rejected"],
        "skipped_non_llm": trace["skipped"],
        "failed": sum(c["status"] == "failed" for c in ran.calls),
        "gateway_hits": sum(c["status"] == "gateway_hit" for c in ran.calls),
        "usage_missing": bill["missing_usage_calls"] + bill["estimated_calls"],
        "input_tokens": total(rows, "input_tokens"),
        "cached_read": total(rows, "cache_read"),
        "cache_write": total(rows, *WRITES),
        **{w: total(rows, w) for w in WRITES},
        "output_tokens": total(rows, "output_tokens"),
        "reasoning": total(rows, "reasoning"),
    }


def _refusal(path: Path) -> str:
    """`exit 4` where every format says why not; else what happened instead."""
    try:
        command("audit", str(path), "--no-store", "--json", "-q")
    except Refused as error:
        untold = [name for name in formats() if f"{name}: " not in error.said]
        return f"exit {error.code}" + (f", untold: {untold[0]}" if untold else "")
    return f"{path.name} was read"
