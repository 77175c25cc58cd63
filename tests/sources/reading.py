"""Read a sample folder as the product would: detect each file, read it, count each call once."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from costopt.model.call import Call, CallStatus, Record, Rejected, Repeat, Skipped, UsageState
from costopt.model.identity import call_digest, contest
from costopt.model.leaf import INPUT, OUTPUT, Leaf
from costopt.sources.detect import source_of
from costopt.sources.files import source_files

SAMPLES = Path(__file__).parent / "samples"


@dataclass
class Reading:
    """What a folder gave."""

    formats: set[str] = field(default_factory=set)
    records: list[Record] = field(default_factory=list)

    @property
    def calls(self) -> list[Call]:
        best: dict[bytes, Call] = {}
        for call in self.all_calls:
            key = call_digest(call)
            if key not in best or contest(call) > contest(best[key]):
                best[key] = call
        return list(best.values())

    @property
    def all_calls(self) -> list[Call]:
        return [r for r in self.records if isinstance(r, Call)]


def read(*paths: Path) -> Reading:
    """All records of these paths; the expectation beside a sample is no input."""
    found = Reading()
    for file in source_files([str(p) for p in paths]):
        if not file.name.endswith("expected.json"):
            source, _ = source_of(file)
            found.formats.add(source.name)
            found.records += list(source.read(file))
    return found


def totals(reading: Reading) -> dict[str, Any]:
    """The numbers of `expected.json`; those that are zero are left out."""
    calls, kinds = reading.calls, Counter(type(r) for r in reading.records)
    rows = [row for c in calls for row in (c.usage.leaves, *(x for _, x in c.usage.extra))]
    states = Counter(c.status for c in calls)
    recorded = sum((Decimal(c.recorded_usd) for c in calls if c.recorded_usd), Decimal(0))
    numbers = {
        "calls": len(calls),
        "duplicates": len(reading.all_calls) - len(calls) + kinds[Repeat],
        "rejected": kinds[Rejected],
        "skipped": kinds[Skipped],
        "failed": states[CallStatus.FAILED],
        "gateway_hits": states[CallStatus.GATEWAY_HIT],
        "missing": sum(c.usage.state == UsageState.MISSING for c in calls),
        "input": sum(sum(r[INPUT]) for r in rows),
        "cached": sum(r[Leaf.CACHE_READ] for r in rows),
        "write_5m": sum(r[Leaf.CACHE_WRITE_5M] for r in rows),
        "write_1h": sum(r[Leaf.CACHE_WRITE_1H] for r in rows),
        "output": sum(sum(r[OUTPUT]) for r in rows),
        "reasoning": sum(r[Leaf.OUTPUT_REASONING] for r in rows),
        "web_searches": sum(c.usage.web_searches for c in calls),
        "recorded_usd": f"{recorded.normalize():f}" if recorded else 0,
    }
    return {name: value for name, value in numbers.items() if value}


def expected(folder: Path) -> dict[str, Any]:
    """The expectation of a sample folder, zeros left out."""
    told: dict[str, Any] = json.loads((folder / "expected.json").read_text())
    return {name: value for name, value in told.items() if value}
