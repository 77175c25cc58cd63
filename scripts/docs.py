"""Write the generated parts of docs/ from the code's own docstrings; `--check` fails where they differ.

python scripts/docs.py            # rewrite
python scripts/docs.py --check    # what CI runs
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"<!-- generated: (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def first_line(package: str, name: str) -> str:
    """First sentence of a plug-in's page."""
    module = importlib.import_module(f"costopt.{package}.{name.replace('-', '_')}")
    return inspect.cleandoc(module.__doc__ or "").split("\n\n")[0].replace("\n", " ")


def listing(package: str, kind: str) -> str:
    """A table of one kind of plug-in."""
    from costopt.wiring.pages import all_pages

    names = [name for k, name in all_pages() if k == kind]
    rows = [f"| `{name}` | {first_line(package, name)} |" for name in names]
    return "\n".join(["| name | what it is |", "|---|---|", *rows])


def layer_list() -> str:
    """A table of the layers, in the order in which they usually act."""
    from costopt.layers.discover import layer_names
    from costopt.wiring.pages import first_line as first

    rows = [f"| [`{n}`](#{n}) | {first('layers', n)} |" for n in layer_names()]
    return "\n".join(["| layer | what it does |", "|---|---|", *rows])


def layer_pages() -> str:
    """Every layer's page with its settings, from the class itself."""
    from costopt.layers.discover import layer_names
    from costopt.wiring.layer_page import layer_markdown

    return "\n\n".join(layer_markdown(name) for name in layer_names())


def replay_measures() -> str:
    """What a replay can measure of each layer: that section of its page."""
    from costopt.layers.discover import layer_names
    from costopt.wiring.layer_page import layer_section

    rows = [
        f"| [`{n}`](layers.md#{n}) | {layer_section(n, 'What a replay measures')} |"
        for n in layer_names()
    ]
    return "\n".join(["| layer | what a replay measures of it |", "|---|---|", *rows])


def views() -> str:
    """Views of the ledger with the comment that stands above each in the SQL."""
    rows = []
    for file in sorted((ROOT / "costopt/store/migrations").glob("*.sql")):
        found = re.findall(
            r"((?:^--.*\n)+)create (?:or replace )?view (\w+)", file.read_text(), re.I | re.M
        )
        for comment, name in found:
            words = " ".join(line.removeprefix("--").strip() for line in comment.splitlines())
            rows.append(f"| `{name}` | {words} |")
    return "\n".join(["| view | a row is |", "|---|---|", *rows])


GENERATORS: dict[str, Callable[[], str]] = {
    "formats": lambda: listing("sources", "formats"),
    "checks": lambda: listing("checklist", "checks"),
    "findings": lambda: listing("findings", "findings"),
    "layers": layer_list,
    "layer_pages": layer_pages,
    "replay_measures": replay_measures,
    "views": views,
}


def rewritten(text: str) -> str:
    """The text with every generated block made anew."""

    def block(match: re.Match[str]) -> str:
        name = match.group(1)
        return f"<!-- generated: {name} -->\n{GENERATORS[name]()}\n<!-- end -->"

    return BLOCK.sub(block, text)


def main() -> int:
    """Rewrite, or with --check compare; returns the exit code."""
    check = "--check" in sys.argv[1:]
    stale = []
    for path in sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]):
        text = path.read_text()
        new = rewritten(text)
        if new != text:
            stale.append(str(path.relative_to(ROOT)))
            if not check:
                path.write_text(new)
    if check and stale:
        print(f"out of date: {', '.join(stale)}. Run: python scripts/docs.py", file=sys.stderr)
        return 1
    print(f"docs: {len(stale)} changed" if stale else "docs: up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main())
