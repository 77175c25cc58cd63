"""What must hold on any log: the ledger sums to the bill, and neither order nor text moves a cent."""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path
from typing import Any

from validation import variants
from validation.running import TOKENS, WRITES, Ran, command, here, total
from validation.table import Table

DIMS = ("model", "agent", "task", "tenant", "workflow", "user_segment")


def all_laws(name: str, path: Path, ran: Ran, table: Table, in_order: bool = False) -> None:
    """Every law on one log. `in_order`: its records are one stream, whose order is its meaning."""
    ledger(name, ran, table)
    reshaped(name, path, ran, table, in_order)
    text_less(name, path, ran, table)
    ingested_twice(name, path, table)


def ledger(name: str, ran: Ran, table: Table) -> None:
    """Sums of `costopt calls` are the bill, and no call of unknown usage costs $0."""
    table.equal(f"{name}: sums of the ledger that are not the bill's", "", _differences(ran))
    free = [c["id"] for c in ran.served if c["usage"] == "missing" and c["usd"] is not None]
    table.equal(f"{name}: calls without usage that have dollars", 0, len(free))


def _differences(ran: Ran) -> str:
    tokens = ran.bill["tokens"]
    writes = total(ran.billed, *WRITES)
    pairs: list[tuple[str, Any, Any]] = [
        ("input_cache_write", writes, tokens["input_cache_write"]),
        ("dollars", float(ran.usd()), ran.bill["total_usd"]),
        ("recorded", float(ran.usd("recorded_usd")), ran.bill["recorded_usd"] or 0.0),
        ("list", float(ran.usd("list_usd")), ran.bill["list_usd"]),
    ]
    pairs += [(n, total(ran.billed, column), tokens[n]) for n, column in TOKENS.items()]
    for by in DIMS:
        rows = ran.bill[f"by_{by}"]
        pairs.append((f"input by {by}", sum(r["input_tokens"] for r in rows), tokens["input"]))
        pairs.append((f"output by {by}", sum(r["output_tokens"] for r in rows), tokens["output"]))
    return "; ".join(f"{n}: {a} and {b}" for n, a, b in pairs if abs(a - b) > 1e-9)


def reshaped(name: str, path: Path, ran: Ran, table: Table, in_order: bool) -> None:
    """The same calls in another shape give the same bill."""
    change = variants.repacked if in_order else variants.reshaped
    what = "packed and given twice" if in_order else "shuffled, split, packed and given twice"
    with tempfile.TemporaryDirectory() as folder:
        other = here(variants.copies(path, Path(folder) / path.parent.name, change), ledger=False)
    table.equal(f"{name}: {what}", _told(ran), _told(other))


def text_less(name: str, path: Path, ran: Ran, table: Table) -> None:
    """Without text, by our own setting and by a log that never had it."""
    kept = here(path, extra=("--no-content",), ledger=False)
    with tempfile.TemporaryDirectory() as folder:
        to = Path(folder) / path.parent.name
        silent = here(variants.copies(path, to, variants.without_text), ledger=False)
    for what, twin in (("with --no-content", kept), ("with every text emptied", silent)):
        by_text = ran.bill["estimated_calls"] - twin.bill["estimated_calls"]
        if ran.bill["estimated_in_bill"] and by_text:
            lost = twin.bill["missing_usage_calls"] - ran.bill["missing_usage_calls"]
            table.equal(f"{name}: counts made from text are missing {what}", by_text, lost)
        else:
            table.equal(f"{name}: {what}", _told(ran), _told(twin))
        full = twin.result["coverage"]["content"] == "full"
        table.equal(f"{name}: {what} said to have all its text", False, full)


def ingested_twice(name: str, path: Path, table: Table) -> None:
    """`costopt ingest` of what the ledger holds adds no call."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        command("ingest", str(path), "--db", "l.duckdb", "--json")
        again = json.loads(command("ingest", str(path), "--db", "l.duckdb", "--json"))
    table.equal(f"{name}: calls that a second ingest adds", 0, again["new_calls"])


def _told(ran: Ran) -> str:
    """What a bill says, as one text: calls, tokens of each kind, dollars, recorded dollars."""
    bill = ran.bill
    counts = "/".join(str(n) for n in bill["tokens"].values())
    return (
        f"{ran.result['trace']['calls']} calls {counts} ${bill['total_usd']} {bill['recorded_usd']}"
    )
