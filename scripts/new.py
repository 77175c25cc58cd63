"""Scaffold a plug-in with its test: one file, one idea, discovered by its name.

    python scripts/new.py layer  old_images
    python scripts/new.py source acme_gateway
    python scripts/new.py finding idle_tools
    python scripts/new.py check  | section | endpoint ...

What it writes works and passes its test; then make it true. CONTRIBUTING.md walks through it.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from string import Template

ROOT = Path(__file__).parent.parent
TEMPLATES = Path(__file__).parent / "scaffold"

# Kind to (template, path of what is written).
KINDS: dict[str, tuple[tuple[str, str], ...]] = {
    "layer": (
        ("layer.py", "costopt/layers/{name}.py"),
        ("layer_cases.py", "tests/layers/cases/{name}.py"),
    ),
    "source": (
        ("source.py", "costopt/sources/{name}.py"),
        ("source_sample.jsonl", "tests/sources/samples/{dashed}/calls.jsonl"),
        ("source_expected.json", "tests/sources/samples/{dashed}/expected.json"),
    ),
    "finding": (
        ("finding.py", "costopt/findings/{name}.py"),
        ("finding_test.py", "tests/findings/test_{name}.py"),
    ),
    "check": (
        ("check.py", "costopt/checklist/{name}.py"),
        ("check_test.py", "tests/checklist/test_{name}.py"),
    ),
    "endpoint": (
        ("endpoint.py", "costopt/endpoints/{name}.py"),
        ("endpoint_test.py", "tests/endpoints/test_{name}.py"),
    ),
    "section": (
        ("section.py", "costopt/report/sections/{name}.py"),
        ("section_test.py", "tests/report/test_section_{name}.py"),
    ),
}
NEXT = {
    "layer": "make laws NAME={name}   then: costopt explain {name}",
    "source": "pytest tests/sources -k {dashed}   then: costopt explain {dashed}",
    "finding": "pytest tests/findings/test_{name}.py   then: costopt explain {name}",
    "check": "pytest tests/checklist/test_{name}.py   then: costopt explain {name}",
    "endpoint": "pytest tests/endpoints/test_{name}.py   then: name it in endpoints/choose.py",
    "section": "pytest tests/report/test_section_{name}.py",
}


def names(name: str) -> dict[str, str]:
    """Every spelling that a template uses."""
    words = name.split("_")
    return {
        "name": name,
        "dashed": "-".join(words),
        "name_id": f"{name}_id",
        "Title": " ".join(words).capitalize(),
        "Class": "".join(word.capitalize() for word in words),
    }


def written(kind: str, name: str, root: Path) -> list[Path]:
    """Write the files of a plug-in. Raises FileExistsError rather than overwrite one."""
    spelled = names(name)
    targets = [(source, root / path.format(**spelled)) for source, path in KINDS[kind]]
    for _, target in targets:
        if target.exists():
            raise FileExistsError(target)
    for source, target in targets:
        target.parent.mkdir(parents=True, exist_ok=True)
        text = (TEMPLATES / f"{source}.txt").read_text(encoding="utf-8")
        target.write_text(Template(text).substitute(spelled), encoding="utf-8")
    return [target for _, target in targets]


def main() -> int:
    """Parse, write, say what comes next."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument(
        "name", help="lower_case_with_underscores; the file's and the plug-in's name"
    )
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if not re.fullmatch(r"[a-z][a-z0-9_]*", chosen.name):
        parser.error("a name is lower_case_with_underscores")
    try:
        for path in written(chosen.kind, chosen.name, chosen.root):
            print(f"wrote {path.relative_to(chosen.root)}")
    except FileExistsError as error:
        print(f"{error} is there already; nothing was written.", file=sys.stderr)
        return 2
    print("next: " + NEXT[chosen.kind].format(**names(chosen.name)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
