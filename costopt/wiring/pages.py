"""The pages behind `costopt explain`: module docstrings and the packaged lists."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

PACKAGE = Path(__file__).parent.parent
PAGES = PACKAGE / "pages"
# Folder of plug-ins to the word that `explain` lists them under, and what marks a file as one.
PLUGINS = {
    "findings": ("findings", "def find("),
    "checklist": ("checks", "def run("),
    "sources": ("formats", "SOURCE"),
    "layers": ("layers", "def apply("),
}
SHARED = ("run", "discover", "detect", "base")
"""Files in those folders that are no plug-in but shared machinery."""
_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)


def all_pages() -> list[tuple[str, str]]:
    """(kind, name) of every page, sorted."""
    pages = [(kind, name) for folder, (kind, _) in PLUGINS.items() for name in _plugins(folder)]
    for file in PAGES.glob("*.md"):
        pages += [(file.stem, title) for title in texts(file.stem)]
    return sorted(pages)


def page(name: str) -> str | None:
    """The text of a name's page; all of them where several kinds share the name; None: no such name.

    A number deep inside the result (`bill.by_agent.usd`) is explained by its nearest ancestor.
    """
    found = _pages(name)
    while not found and "." in name:
        name = name.rpartition(".")[0]
        found = _pages(name)
    return "\n\n\n".join(found) or None


def first_line(kind: str, name: str) -> str:
    """What a page gives, in one line; read from the file, nothing is imported."""
    if kind == "layers":
        return _layer_line(name)
    for folder, (word, _) in PLUGINS.items():
        if word == kind:
            text = (PACKAGE / folder / f"{name.replace('-', '_')}.py").read_text("utf-8")
            return text.lstrip().removeprefix('"""').splitlines()[0].removesuffix('"""')
    return texts(kind).get(name, "").partition(". ")[0].splitlines()[0].rstrip(".") + "."


def _layer_line(name: str) -> str:
    """The first sentence of the class: of our own from the file, of another package's from the class."""
    file = PACKAGE / "layers" / f"{name}.py"
    wanted = name.replace("_", "")
    if file.exists():
        tree = ast.parse(file.read_text("utf-8"))
        classes = [n for n in tree.body if isinstance(n, ast.ClassDef)]
        found = next((c for c in classes if c.name.lower() == wanted), None)
        return (ast.get_docstring(found) or "").split("\n\n")[0].replace("\n", " ") if found else ""
    from costopt.layers.discover import layer_class

    return inspect.cleandoc(layer_class(name).__doc__ or "").splitlines()[0]


def texts(kind: str) -> dict[str, str]:
    """Title to text of one packaged list: `numbers`, `assumptions`."""
    parts = _SECTION.split((PAGES / f"{kind}.md").read_text(encoding="utf-8"))
    return {title: body.strip() for title, body in zip(parts[1::2], parts[2::2], strict=True)}


def _pages(name: str) -> list[str]:
    wanted = name.replace("-", "_")
    found = []
    for folder, (kind, _) in PLUGINS.items():
        if wanted in {n.replace("-", "_") for n in _plugins(folder)}:
            found.append(f"{name} ({kind})\n\n{_docstring(folder, wanted)}")
    for file in sorted(PAGES.glob("*.md")):
        text = texts(file.stem).get(name) or texts(file.stem).get(wanted)
        if text:
            found.append(f"{name} ({file.stem})\n\n{text}")
    return found


def _plugins(folder: str) -> list[str]:
    package = importlib.import_module(f"costopt.{folder}")
    names = [m.name for m in pkgutil.iter_modules(package.__path__) if not m.ispkg]
    names = [n for n in names if not n.startswith("_") and n not in SHARED]
    marker = PLUGINS[folder][1]
    # Told from the text: importing every plug-in to list their names would take half a second.
    kept = [n for n in names if marker in (PACKAGE / folder / f"{n}.py").read_text("utf-8")]
    if folder == "layers":
        kept += _outside_layers()
    return [n.replace("_", "-") if folder == "sources" else n for n in kept]


def _outside_layers() -> list[str]:
    """Layers of other installed packages."""
    from importlib.metadata import entry_points

    return [e.name for e in entry_points(group="costopt.layers")]


def _docstring(folder: str, name: str) -> str:
    """A plug-in's page: its module's docstring; of a layer its class's, with the settings."""
    if folder == "layers":
        from costopt.wiring.layer_page import layer_page

        return layer_page(name)
    module = importlib.import_module(f"costopt.{folder}.{name}")
    return inspect.cleandoc(module.__doc__ or "")
