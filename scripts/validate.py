"""Run the product on real traces whose figures were counted independently; non-zero exit where one is off.

    python scripts/validate.py FOLDER [PART ...]
        [--markdown docs/validation.md]

FOLDER holds `traces/`, `formats/samples/` and `tools/` as described in docs/validation.md. The traces are
not part of this repository (some may only be used locally); the tests never need them.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from pathlib import Path

from validation.table import Table

PARTS = (
    "bills",
    "samples",
    "cache",
    "windows",
    "layout",
    "routing",
    "semantic",
    "laws_of_layers",
    "coverage",
    "composition",
    "compression",
    "proposals",
    "serving",
    "serving_prefix",
    "serving_transfer",
    "serving_other_gpus",
    "aiconfigurator",
    "replay",
    "replay_kills",
    "speculation",
    "calibration",
)
MARKS = ("<!-- measured: {} -->", "<!-- end: {} -->")


def main() -> int:
    """Run the chosen parts, all by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument(
        "--markdown", type=Path, help="write the tables between the marks of this file"
    )
    chosen = parser.parse_args()
    unknown = sorted(set(chosen.parts) - set(PARTS))
    if unknown:
        parser.error(f"no part is called {', '.join(unknown)}; there are {', '.join(PARTS)}")
    judged = failures = 0
    for part in chosen.parts or PARTS:
        table, started = Table(), time.perf_counter()
        importlib.import_module(f"validation.{part}").run(chosen.folder, table)
        table.note(f"{part}: {time.perf_counter() - started:.0f} s")
        judged, failures = judged + table.judged, failures + table.failures
        if chosen.markdown:
            write(chosen.markdown, part, table)
    print(f"\n{judged} figures, {failures} off")
    return 1 if failures else 0


def write(path: Path, part: str, table: Table) -> None:
    """Put a part's tables between its marks; the words around them stay."""
    text = path.read_text()
    first, last = (mark.format(part) for mark in MARKS)
    before, _, rest = text.partition(first)
    _, _, after = rest.partition(last)
    summary = f"{table.judged} figures, {table.failures} off."
    told = "\n".join([summary, *table.markdown()])
    path.write_text(f"{before}{first}\n\n{told}\n\n{last}{after}")


if __name__ == "__main__":
    sys.exit(main())
