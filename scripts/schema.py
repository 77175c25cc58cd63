"""Write the published JSON Schema of the result; `--check` fails where it differs from the code.

python scripts/schema.py            # rewrite
python scripts/schema.py --check    # what CI runs
"""

from __future__ import annotations

import sys

from costopt.report.render.schema import PUBLISHED, result_schema, schema_text
from costopt.wiring.pages import texts


def main() -> int:
    """Rewrite, or with --check compare; returns the exit code."""
    new = schema_text(result_schema(texts("numbers")))
    old = PUBLISHED.read_text() if PUBLISHED.exists() else ""
    if "--check" in sys.argv[1:]:
        if new != old:
            print("out of date: the JSON Schema. Run: python scripts/schema.py", file=sys.stderr)
        return int(new != old)
    PUBLISHED.parent.mkdir(exist_ok=True)
    PUBLISHED.write_text(new)
    print(f"wrote {PUBLISHED.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
