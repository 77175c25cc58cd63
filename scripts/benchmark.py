"""Speed and memory, each figure beside what a bare loop or another tool takes for the same.

    python scripts/benchmark.py                              everything: about half an hour
    python scripts/benchmark.py small ingest --calls 100000
    python scripts/benchmark.py ccusage --mb 5 1000
    python scripts/benchmark.py tokens --markdown docs/speed.md
    python scripts/benchmark.py backtest sweeps executors --calls 100000

Nothing here is a test: machines differ. The goals are printed beside the figures, met or missed, and
`--markdown` writes what was measured into its place in the page, with the machine.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from bench.backtest import layers, simulate
from bench.counting import tokens
from bench.executors import executors
from bench.fleets import fleets
from bench.folders import ccusage
from bench.neighbour_graph import neighbour_graph
from bench.prompt_cache import prompt_cache
from bench.reading import ingest, small
from bench.replay import replay
from bench.sweeps import sweeps
from bench.table import HEAD, Section, write

PARTS = (
    "small", "ingest", "tokens", "ccusage", "prompt-cache", "backtest", "layers", "sweeps", "executors",
    "neighbour-graph", "replay", "fleets",
)  # fmt: skip
MOST_AUDITED = 100_000
SWEPT = 20_000
"""Calls of a sweep: a person plays with a log of this size; a hundred settings of more are a batch job."""
BY_CALLS = {
    "prompt-cache": prompt_cache, "backtest": simulate, "layers": layers, "executors": executors,
}  # fmt: skip


def main() -> None:
    """Measure what was chosen, part by part; write the page at the end of each."""
    chosen = _arguments()
    print("  {:<44}{:>9}{:>9}{:>9}  {:<22}{}".format(*HEAD))
    for section in measured(chosen):
        if chosen.markdown:
            write(chosen.markdown, [section])


def measured(chosen: argparse.Namespace) -> Iterator[Section]:
    """The sections that were asked for, each as soon as it is measured."""
    for part in chosen.what or PARTS:
        print(part)
        if part == "small":
            yield small()
        elif part == "ingest":
            yield from (ingest(calls, audited=calls <= MOST_AUDITED) for calls in chosen.calls)
        elif part == "tokens":
            yield tokens()
        elif part == "sweeps":
            yield sweeps(SWEPT)
        elif part == "neighbour-graph":
            yield neighbour_graph()
        elif part == "replay":
            yield replay()
        elif part == "fleets":
            yield fleets()
        elif part in BY_CALLS:
            yield from (BY_CALLS[part](calls) for calls in chosen.calls)
        else:
            yield from (ccusage(mb, chosen.logs) for mb in chosen.mb)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="*", metavar=f"{{{','.join(PARTS)}}}", help="none: all")
    parser.add_argument("--calls", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--mb", type=int, nargs="+", default=[5, 1000], help="of Claude Code logs")
    parser.add_argument("--logs", type=Path, help="a folder of such logs instead of a new one")
    parser.add_argument("--markdown", type=Path, help="page to write into: docs/speed.md")
    chosen = parser.parse_args()
    unknown = sorted({*chosen.what} - {*PARTS})
    if unknown:
        parser.error(f"nothing is measured under the name {', '.join(unknown)}")
    return chosen


if __name__ == "__main__":
    main()
