"""Speed and memory, printed beside what a bare loop over the same file takes.

    python scripts/benchmark.py ingest [--calls 100000 1000000]
    python scripts/benchmark.py tokens
    python scripts/benchmark.py ccusage [--mb 1000]
    python scripts/benchmark.py startup

Nothing here is a test: machines differ. The goals are printed beside the figures, met or not.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from bench.claude_code import claude_code
from bench.generate import native, words
from bench.timing import Timed, timed

COSTOPT = [sys.executable, "-m", "costopt"]
BARE = (
    "import orjson,sys\n"
    "n=0\n"
    "for line in open(sys.argv[1],'rb'):\n"
    "    orjson.loads(line); n+=1\n"
    "print(n)"
)
DUCKDB = (
    "import duckdb,sys\n"
    "q='select count(*), sum(length(to_json(request))) from read_json(?)'\n"
    "print(duckdb.execute(q, [sys.argv[1]]).fetchall())"
)


def ingest(calls: list[int]) -> None:
    """Parse, normalise, hash segments and store, beside a bare orjson loop and DuckDB's reader."""
    for count in calls:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "calls.jsonl"
            size = native(path, count)
            print(f"{count:,} calls, {size / 1e6:,.0f} MB")
            bare = timed([sys.executable, "-c", BARE, str(path)])
            duck = timed([sys.executable, "-c", DUCKDB, str(path)])
            ours = timed(
                [*COSTOPT, "ingest", str(path), "--db", str(Path(folder) / "l.duckdb"), "-q"]
            )
            again = timed(
                [*COSTOPT, "audit", str(path), "--db", str(Path(folder) / "a.duckdb"), "--json"]
            )
            rows = [("orjson loop", bare), ("duckdb read_json", duck), ("costopt ingest", ours),
                    ("costopt audit, all of it", again)]  # fmt: skip
            for name, run in rows:
                rate = count / run.seconds
                print(
                    f"  {name:<26} {run.seconds:8.1f} s {rate:>12,.0f} calls/s"
                    f" {run.peak_mb:>8,.0f} MB peak  {run.seconds / bare.seconds:5.2f}x"
                    + ("" if run.code == 0 else f"  FAILED {run.out[-300:]}")
                )
            print("  goals: ingest 1.5x of the bare loop, peak under 2,000 MB")


def tokens() -> None:
    """Exact token counting beside bare tiktoken on the same text."""
    import random

    from costopt.accel.tokens import exact_encoder

    rng = random.Random(1)
    texts = [words(rng, 3000) for _ in range(4000)]
    size = sum(map(len, texts)) / 1e6
    encoder = exact_encoder("gpt-4o")
    if encoder is None:
        print("no exact ranks here: pip install 'costopt[ranks]'")
        return
    started = time.perf_counter()
    total = sum(encoder(t) for t in texts)
    seconds = time.perf_counter() - started
    print(f"costopt exact counter: {size / seconds:.1f} MB/s, {total:,} tokens of {size:.1f} MB")


# 20 keeps an answer's last line, 18 its first: 18 is here for its speed in JavaScript, not its sums.
CCUSAGE = ("ccusage@20.0.24", "ccusage@18.0.11")


def ccusage(megabytes: int) -> None:
    """Claude Code logs: the same totals as ccusage (npm), and how long each takes."""
    if shutil.which("npx") is None:
        print("npx is missing: no comparison with ccusage")
        return
    for size in (5, megabytes):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "claude"
            written = claude_code(root, size * 1_000_000)
            print(f"{written / 1e6:,.0f} MB of Claude Code logs")
            env = {**os.environ, "CLAUDE_CONFIG_DIR": str(root)}
            for version in CCUSAGE:  # once unmeasured: npx fetches it
                command = ["npx", "--yes", version, "daily", "--json", "--offline"]
                timed(command, env=env)
                _print_ccusage(version, timed(command, env=env))
            bill = Path(folder) / "bill.duckdb"
            ingest_run = timed([*COSTOPT, "ingest", str(root), "--db", str(bill), "-q"])
            audit_run = timed([*COSTOPT, "audit", str(root), "--no-store", "--json"])
            _print_ours(ingest_run, audit_run)


_ROW = "  {:<18} {:7.1f} s {:>7,.0f} MB  {}"


def _print_ccusage(version: str, run: Timed) -> None:
    try:
        t = json.loads(run.out[run.out.index("{") :])["totals"]
    except (ValueError, KeyError) as error:
        print(f"  {version}: no totals ({error}): {run.out[-200:]!r}")
        return
    counts = (t["inputTokens"], t["cacheCreationTokens"], t["cacheReadTokens"], t["outputTokens"])
    print(_ROW.format(version, run.seconds, run.peak_mb, _totals(*counts, t["totalCost"])))


def _print_ours(ingested: Timed, audited: Timed) -> None:
    print(_ROW.format("costopt ingest", ingested.seconds, ingested.peak_mb, ""))
    try:
        bill = json.loads(audited.out[audited.out.index("{") :])["bill"]
    except (ValueError, KeyError) as error:
        print(f"  costopt audit: no bill ({error}): {audited.out[-200:]!r}")
        return
    t = bill["tokens"]
    counts = (t["input_fresh"], t["input_cache_write"], t["input_cache_read"], t["output"])
    told = _totals(*counts, bill["total_usd"])
    print(_ROW.format("costopt audit", audited.seconds, audited.peak_mb, told))
    print("  goals: the totals of ccusage 20, in a fifth of its time on 1 GB and more")


def _totals(fresh: int, written: int, read: int, made: int, usd: float) -> str:
    return f"{fresh:,} fresh {written:,} written {read:,} read {made:,} out ${usd:,.6f}"


def startup() -> None:
    """Cold and warm `--help`."""
    for _ in range(3):
        run = timed([*COSTOPT, "--help"])
        print(
            f"costopt --help: {run.seconds * 1000:.0f} ms, {run.peak_mb:.0f} MB (goal well under 500 ms)"
        )


def main() -> None:
    """Choose what to measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("ingest", "tokens", "ccusage", "startup"))
    parser.add_argument("--calls", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--mb", type=int, default=1000)
    chosen = parser.parse_args()
    {
        "ingest": lambda: ingest(chosen.calls),
        "tokens": tokens,
        "ccusage": lambda: ccusage(chosen.mb),
        "startup": startup,
    }[chosen.what]()


if __name__ == "__main__":
    main()
