"""Every format sample against its expected totals, and its text-less twin against its bill."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from validation.bills import audit
from validation.table import Table

# Shapes whose importers come with another issue stand here until they exist, with what is missing.
LATER: tuple[str, ...] = ("deployment", "openai-usage-api", "anthropic-usage-api")


def run(shared: Path, table: Table) -> None:
    """One title a sample folder."""
    for folder in sorted((shared / "formats" / "samples").iterdir()):
        expected_file = folder / "expected.json"
        if folder.name in LATER or not expected_file.exists():
            continue
        expected = json.loads(expected_file.read_text())
        table.title(folder.name)
        files = expected.get("files")
        if files:
            for name, wanted in sorted(files.items()):
                _one(folder / name, name, wanted, table)
        else:
            _one(folder, folder.name, expected, table)


def _one(path: Path, name: str, wanted: dict[str, Any], table: Table) -> None:
    try:
        result = audit(path)
    except SystemExit as error:
        table.equal(f"{name} can be read", True, str(error)[-60:])
        return
    got = figures(result)
    for key, value in wanted.items():
        if key in got:
            table.equal(f"{name}: {key}", value, got[key])
    recorded = wanted.get("recorded_usd")
    if recorded is None:
        table.equal(f"{name}: recorded_usd", None, got["recorded"])
    else:
        table.near(f"{name}: recorded_usd", recorded, got["recorded"], 1e-9)


def figures(result: dict[str, Any]) -> dict[str, Any]:
    """The names of expected.json from a result."""
    trace, bill = result["trace"], result["bill"]
    tokens = bill["tokens"]
    return {
        "calls": trace["calls"],
        "duplicates": trace["duplicates"],
        "rejected": trace["rejected"],
        "input_tokens": tokens["input"],
        "cached_read": tokens["input_cache_read"],
        "output_tokens": tokens["output"],
        "reasoning": tokens["output_reasoning"],
        "skipped_non_llm": trace["skipped"],
        "usage_missing": bill["missing_usage_calls"] + bill["estimated_calls"],
        "recorded": bill["recorded_usd"],
    }
