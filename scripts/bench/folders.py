"""Folders of Claude Code logs beside ccusage (npm): the same totals, and the time of both."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.claude_code import claude_code
from bench.reading import COSTOPT
from bench.table import Section
from bench.timing import Timed, best, timed

# 20 is native code and keeps an answer's last line; 18 is the last one in JavaScript and keeps the first,
# so its sums are others: it is here for its speed alone.
CCUSAGE, IN_JAVASCRIPT = "ccusage@20.0.24", "ccusage@18.0.11"
TIMES_FASTER = 5.0
Totals = tuple[int, int, int, int, int]
"""Tokens: fresh, cache writes, cache reads, output; and micro-dollars."""


def ccusage(megabytes: int, logs: Path | None = None) -> Section:
    """One folder of that size. `logs`: made earlier."""
    section = Section(
        f"ccusage-{megabytes}", f"Claude Code logs, {megabytes:,} MB",
        "`ccusage daily` reads the token counts and prices them. `costopt ingest` also keeps every block of\n"
        "text, and `costopt audit` looks for waste in it: both do far more.",
    )  # fmt: skip
    if shutil.which("npx") is None:
        section.say("Not measured: npx is missing.")
        return section
    with _logs(megabytes, logs) as root:
        files = sorted(root.rglob("*.jsonl"))
        size = sum(f.stat().st_size for f in files)
        section.say(f"The folder: {size / 1e6:,.0f} MB in {len(files):,} files (seed 1).")
        _measure(section, root, size / 1e6, runs=3 if megabytes <= 100 else 1)
    return section


@contextmanager
def _logs(megabytes: int, logs: Path | None) -> Iterator[Path]:
    if logs is not None:
        yield logs
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "claude"
        claude_code(root, megabytes * 1_000_000)
        yield root


def _measure(section: Section, root: Path, size_mb: float, runs: int) -> None:
    theirs = {name: _ccusage(name, root, runs) for name in (CCUSAGE, IN_JAVASCRIPT)}
    for name, run in theirs.items():
        section.add(f"{name} daily", run, size_mb, "MB")
    with tempfile.TemporaryDirectory() as folder:
        command = [*COSTOPT, "ingest", str(root), "-q", "--db"]
        ingested = best([timed([*command, f"{folder}/{n}.duckdb"]) for n in range(runs)])
    section.add("costopt ingest", ingested, size_mb, "MB")
    audited = timed([*COSTOPT, "audit", str(root), "--no-store", "--json"], runs=runs)
    section.add("costopt audit, all of it", audited, size_mb, "MB")
    _same(section, theirs[CCUSAGE], audited)
    times = theirs[CCUSAGE].wall_s / ingested.wall_s
    word = "met" if times >= TIMES_FASTER else "missed"
    section.say(
        f"Goal {word}: {times:.2f} times as fast as {CCUSAGE} (ingest), goal {TIMES_FASTER:.0f}."
    )
    slower = theirs[IN_JAVASCRIPT].wall_s / ingested.wall_s
    section.say(f"Beside {IN_JAVASCRIPT}, which is JavaScript: {slower:.2f} times as fast.")


def _ccusage(version: str, root: Path, runs: int) -> Timed:
    command = ["npx", "--yes", version, "daily", "--json", "--offline"]
    env = {"CLAUDE_CONFIG_DIR": str(root)}
    timed(["npx", "--yes", version, "--version"])  # once unmeasured: npx fetches it
    return timed(command, env, runs)


def _same(section: Section, theirs: Timed, ours: Timed) -> None:
    try:
        a, b = _their_totals(theirs.out), _our_totals(ours.out)
    except (ValueError, KeyError) as error:
        section.say(f"NO TOTALS: {error!r}; {theirs.failed} {ours.failed}")
        return
    if a == b:
        section.say(f"The same totals to the token and the micro-dollar: {_told(a)}.")
    else:
        section.say(f"THE TOTALS DIFFER: ccusage {_told(a)}; costopt {_told(b)}.")


def _their_totals(out: str) -> Totals:
    t = json.loads(out[out.index("{") :])["totals"]
    counts = (t["inputTokens"], t["cacheCreationTokens"], t["cacheReadTokens"], t["outputTokens"])
    return (*counts, round(t["totalCost"] * 1e6))


def _our_totals(out: str) -> Totals:
    bill = json.loads(out[out.index("{") :])["bill"]
    t = bill["tokens"]
    counts = (t["input_fresh"], t["input_cache_write"], t["input_cache_read"], t["output"])
    return (*counts, round(float(bill["total_usd"]) * 1e6))


def _told(totals: Totals) -> str:
    fresh, written, read, made, micro_usd = totals
    tokens = f"{fresh:,} fresh, {written:,} written, {read:,} read, {made:,} out"
    return f"{tokens}, ${micro_usd / 1e6:,.6f}"
