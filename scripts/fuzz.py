"""Damaged records of every format through the whole audit: read, store, price, find, check, draw.

    python scripts/fuzz.py --records 50000 --seed 0 [--format langsmith] [--keep FOLDER]

No traceback, nothing below zero, no NaN, every record accounted for on every file, parts that sum to the
bill, and nothing in any output that acts on a terminal. Exit 1 where one of it fails; the files that showed
it are kept. The same seed gives the same bytes.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.properties import mutating
from tests.properties.runs import one_run


def main() -> int:
    """Run until so many records have been read; say what became of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--format", default="", help="one sample folder's name; else all in turn")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "costopt-fuzz")
    chosen = parser.parse_args()
    told: Counter[str] = Counter()
    failures, turn, started = 0, 0, time.perf_counter()
    names = [s for s in mutating.samples() if chosen.format in ("", s.name)]
    with tempfile.TemporaryDirectory() as place:
        while told["records"] < chosen.records:
            sample = names[turn % len(names)]
            chance = random.Random(f"{chosen.seed} {turn}")
            folder = mutating.emptied(Path(place) / "log")
            try:
                told += one_run(sample, folder, chance)
            except Exception as error:  # whatever it is, it is what this script looks for
                failures += 1
                _report(error, folder, chosen.keep / f"{chosen.seed}-{turn}-{sample.name}")
            turn += 1
            if turn % 50 == 0:
                print(f"{turn} runs, {dict(told)}, {failures} failed", file=sys.stderr, flush=True)
    seconds = time.perf_counter() - started
    print(f"{turn} audits in {seconds:.0f} s: {dict(sorted(told.items()))}; {failures} failed")
    return 1 if failures else 0


def _report(error: Exception, folder: Path, kept: Path) -> None:
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(folder, kept)
    print(f"FAILED, kept in {kept}\n{''.join(traceback.format_exception(error))}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
