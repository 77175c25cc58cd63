"""The pages behind `costopt explain`: module docstrings and the two packaged lists."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

PAGES = Path(__file__).parent.parent / "pages"
# Folder of plug-ins to the word that `explain` lists them under.
PLUGINS = {"findings": "findings", "checklist": "checks", "sources": "formats", "layers": "layers"}
# Files in those folders that are no plug-in but shared machinery.
_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)


def all_pages() -> list[tuple[str, str]]:
    """(kind, name) of every page, sorted."""
    pages = [(kind, name) for package, kind in PLUGINS.items() for name in _plugins(package)]
    for file in sorted(PAGES.glob("*.md")):
        pages += [(file.stem, title) for title in _SECTION.findall(file.read_text())]
    return sorted(pages)


def page(name: str) -> str | None:
    """The text of one page, or None."""
    wanted = name.replace("-", "_")
    for package in PLUGINS:
        if wanted in {n.replace("-", "_") for n in _plugins(package)}:
            return _docstring(package, wanted)
    for file in sorted(PAGES.glob("*.md")):
        text = _sections(file).get(name) or _sections(file).get(wanted)
        if text:
            return f"{name}\n\n{text}"
    return None


def _plugins(package: str) -> list[str]:
    folder = importlib.import_module(f"costopt.{package}")
    names = [m.name for m in pkgutil.iter_modules(folder.__path__) if not m.ispkg]
    return [
        n.replace("_", "-") if package == "sources" else n for n in names if _is_plugin(package, n)
    ]


def _is_plugin(package: str, name: str) -> bool:
    """A plug-in file says so by defining its kind's marker; told from the text, without importing."""
    marker = {
        "sources": "SOURCE",
        "findings": "def find(",
        "checklist": "def run(",
        "layers": "def apply(",
    }
    text = (Path(__file__).parent.parent / package / f"{name}.py").read_text()
    return name not in ("run", "discover", "base") and marker[package] in text


def _docstring(package: str, name: str) -> str:
    module = importlib.import_module(f"costopt.{package}.{name}")
    parts = [inspect.cleandoc(module.__doc__ or "")]
    for _, item in inspect.getmembers(module, inspect.isclass):
        if (
            item.__module__ == module.__name__
            and not item.__name__.startswith("_")
            and item.__doc__
        ):
            text = inspect.cleandoc(item.__doc__)
            if text not in parts and not text.startswith(f"{item.__name__}("):
                parts.append(text)
    return "\n\n".join([name, *parts])


def _sections(file: Path) -> dict[str, str]:
    parts = _SECTION.split(file.read_text())
    return {title: body.strip() for title, body in zip(parts[1::2], parts[2::2], strict=True)}
