"""The string under a field is its documentation: read from the class's source, so there is one truth."""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldText:
    """A field as its source says it."""

    name: str
    type: str
    default: str
    """Empty: it has to be given."""
    doc: str


def fields_of(cls: type) -> list[FieldText]:
    """The annotated fields of a class, bases first, without its class variables."""
    found: dict[str, FieldText] = {}
    for base in reversed(cls.__mro__):
        if "__annotations__" in vars(base):
            found.update({f.name: f for f in _own(base)})
    return list(found.values())


def field_docs(cls: type) -> dict[str, str]:
    """Field name to its documentation."""
    return {f.name: f.doc for f in fields_of(cls)}


def _own(cls: type) -> list[FieldText]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError, SyntaxError):  # no source: a class made at run time
        return []
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    found = []
    for node, after in zip(body, [*body[1:], None], strict=True):
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        kind = ast.unparse(node.annotation)
        if kind.startswith("ClassVar") or node.target.id.startswith("_"):
            continue
        default = "" if node.value is None else ast.unparse(node.value)
        found.append(FieldText(node.target.id, kind, default, _doc(after)))
    return found


def _doc(node: ast.stmt | None) -> str:
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
        return ""
    text = node.value.value
    return " ".join(inspect.cleandoc(text).split()) if isinstance(text, str) else ""
