"""Does a book's match rule name exactly this id? Stricter than the book's own prefix and substring rules.

What a prefix rule leaves over may only be a date, a version or a release word: so `gpt-5` never
takes `gpt-5-mini`, and `gemini-1.5-flash` never takes `gemini-1.5-flash-8b`.
"""

from __future__ import annotations

import re
from typing import Any

EXACT = 1_000_000
MOST_REST = 32
_REST = re.compile(
    r"(?:[-@.:]?(?:latest|preview|exp|experimental|beta|v\d+(?::\d+)?|\d{8}|\d{4}-\d{2}-\d{2}|"
    r"\d{2}-\d{2}|\d{2}-\d{4}|0\d{2}|\d{4}))*"
)
_HEAD = re.compile(
    r"(?:(?:us-gov|us|eu|apac|au|jp|ap|ca|sa|me|af|in|uk|global)\.)?(?:[a-z0-9-]+[./])?"
)


def score(clause: Any, name: str) -> int:
    """0: no match; else how specific the rule is (EXACT and above: the id itself is listed)."""
    kind = type(clause).__name__
    if kind == "ClauseOr":
        return max((score(c, name) for c in clause.or_), default=0)
    if kind == "ClauseAnd":
        return _all(clause.and_, name)
    if kind == "ClauseEquals":
        return EXACT + len(name) if clause.equals.lower() == name else 0
    if kind == "ClauseRegex":
        # The book's regular expressions are anchored id patterns, or guards inside an AND.
        return EXACT // 2 if re.search(clause.regex, name) else 0
    return _partial(clause, kind, name)


def _all(clauses: list[Any], name: str) -> int:
    scores = [score(c, name) for c in clauses]
    return min(scores) if scores and all(scores) else 0


def _partial(clause: Any, kind: str, name: str) -> int:
    if kind == "ClauseStartsWith":
        literal = clause.starts_with.lower()
        rest = name[len(literal) :] if name.startswith(literal) else None
        fits = rest is not None and (literal.startswith("ft:") or ".ft-" in literal or _rest(rest))
        return len(literal) if fits else 0
    if kind == "ClauseEndsWith":
        literal = clause.ends_with.lower()
        fits = name.endswith(literal) and _HEAD.fullmatch(name[: len(name) - len(literal)])
        return len(literal) if fits else 0
    if kind == "ClauseContains":
        literal = clause.contains.lower()
        head, found, rest = name.partition(literal)
        return len(literal) if found and _HEAD.fullmatch(head) and _rest(rest) else 0
    return 0


def _rest(text: str) -> bool:
    # Dates and versions are short. A long run of digits could be cut up in very many ways.
    return len(text) <= MOST_REST and _REST.fullmatch(text) is not None


def literals(clause: Any) -> list[str]:
    """The ids a rule lists word by word: for suggestions and tests."""
    kind = type(clause).__name__
    if kind in ("ClauseOr", "ClauseAnd"):
        parts = clause.or_ if kind == "ClauseOr" else clause.and_
        return [name for part in parts for name in literals(part)]
    return [clause.equals.lower()] if kind == "ClauseEquals" else []


def has_pattern(clause: Any) -> bool:
    """Whether a rule matches more than the ids it lists."""
    kind = type(clause).__name__
    if kind in ("ClauseOr", "ClauseAnd"):
        return any(
            has_pattern(part) for part in (clause.or_ if kind == "ClauseOr" else clause.and_)
        )
    return kind != "ClauseEquals"
