"""Run the product on real traces whose figures were counted independently; non-zero exit where one is off.

    python scripts/validate.py FOLDER [bills cache ...]

FOLDER holds `traces/` and `tools/` as described in docs/validation.md. The traces are not part of
this repository (some may only be used locally); the tests never need them.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from validation.table import Table

PARTS = ("bills", "cache", "samples")


def main() -> int:
    """Run the chosen parts, all by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], default=list(PARTS))
    chosen = parser.parse_args()
    table = Table()
    for part in chosen.parts or PARTS:
        importlib.import_module(f"validation.{part}").run(chosen.folder, table)
    print(f"\n{len(table.rows)} figures, {table.failures} off")
    return 1 if table.failures else 0


if __name__ == "__main__":
    sys.exit(main())
