"""Reading logs: parse, normalise, hash, store; then the whole audit, from twenty calls to a million."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from bench.generate import native
from bench.table import Section
from bench.timing import timed

COSTOPT = [sys.executable, "-m", "costopt"]
SAMPLES = Path(__file__).parents[2] / "sample_traces"
BARE = (
    "import orjson,sys\n"
    "n=0\n"
    "for line in open(sys.argv[1],'rb'):\n"
    "    orjson.loads(line); n+=1\n"
    "print(n)"
)
# The count alone would let DuckDB skip the text: every request has to be looked at.
DUCKDB = (
    "import duckdb,sys\n"
    "q='select count(*), sum(length(to_json(request))) from read_json(?)'\n"
    "print(duckdb.execute(q, [sys.argv[1]]).fetchall())"
)
TIMES_ORJSON, PEAK_MB, SAMPLES_S, HELP_S = 1.5, 2000.0, 5.0, 0.5


def ingest(calls: int, *, audited: bool) -> Section:
    """A file of so many calls, about 3 KB of new text each, beside a bare loop over the same file."""
    section = Section(
        f"ingest-{calls}", f"Ingest of {calls:,} calls",
        "`costopt ingest` parses, normalises, hashes every block of text and stores it. Beside it a loop\n"
        "that does nothing but `orjson.loads(line)`, and DuckDB's `read_json` over all requests.",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "calls.jsonl"
        size = native(path, calls)
        section.say(f"The file: {size / 1e6:,.0f} MB of JSON lines (seed 1).")
        small = 3 if calls <= 100_000 else 1
        bare = timed([sys.executable, "-c", BARE, str(path)], runs=small)
        section.add("bare orjson loop", bare, calls, "calls")
        duck = timed([sys.executable, "-c", DUCKDB, str(path)], runs=small)
        section.add("DuckDB read_json", duck, calls, "calls")
        command = [*COSTOPT, "ingest", str(path), "-q", "--db"]
        ours = timed([*command, str(Path(folder) / "ledger.duckdb")])
        section.add("costopt ingest", ours, calls, "calls")
        ratios = ours.wall_s / bare.wall_s, ours.cpu_s / bare.cpu_s
        section.goal("time of the bare orjson loop", TIMES_ORJSON, "x", *ratios)
        section.goal("peak memory of the ingest", PEAK_MB, "MB", ours.peak_mb)
        if audited:
            run = timed([*COSTOPT, "audit", str(path), "--no-store", "--json"])
            section.add("costopt audit, all of it", run, calls, "calls")
    return section


def small() -> Section:
    """What a person waits for: the help page, and the audit of the samples."""
    section = Section(
        "small", "Start-up and the samples",
        "`costopt --help`, and `costopt audit` of `sample_traces/traces.jsonl` end to end, best of five.",
    )  # fmt: skip
    help_page = timed([*COSTOPT, "--help"], runs=5)
    section.add("costopt --help", help_page)
    trace = SAMPLES / "traces.jsonl"
    run = timed([*COSTOPT, "audit", str(trace), "--no-store", "--json"], runs=5)
    calls = json.loads(run.out[run.out.index("{") :])["trace"]["calls"] if not run.failed else 0
    section.add(f"costopt audit, {calls:,} calls, {trace.stat().st_size / 1e6:.1f} MB", run)
    section.goal("the help page", HELP_S, "s", help_page.wall_s, help_page.cpu_s)
    section.goal("the audit of the samples", SAMPLES_S, "s", run.wall_s, run.cpu_s)
    return section
