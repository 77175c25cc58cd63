"""Write the published JSON Schemas of results; `--check` fails where they differ from the code.

python scripts/schema.py            # rewrite
python scripts/schema.py --check    # what CI runs
"""

from __future__ import annotations

import sys

from costopt.report.render import selfhost_schema
from costopt.report.render.schema import PUBLISHED, result_schema, schema_text
from costopt.wiring.pages import texts


def main() -> int:
    """Rewrite, or with --check compare; returns the exit code."""
    made = {
        PUBLISHED: result_schema(texts("numbers")),
        selfhost_schema.PUBLISHED: selfhost_schema.selfhost_schema(),
    }
    stale = []
    for path, schema in made.items():
        new = schema_text(schema)
        if (path.read_text() if path.exists() else "") == new:
            continue
        stale.append(path.name)
        if "--check" not in sys.argv[1:]:
            path.parent.mkdir(exist_ok=True)
            path.write_text(new)
            print(f"wrote {path.name}")
    if stale and "--check" in sys.argv[1:]:
        names = ", ".join(stale)
        print(f"out of date: {names}. Run: python scripts/schema.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
