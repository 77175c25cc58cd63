"""Read `prices.yaml` with line numbers: every complaint names the line and the nearest valid word."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from costopt.errors import UsageError, nearest
from costopt.prices.overlay.content import Overlay, Own
from costopt.prices.overlay.schema import (
    SECTIONS,
    TIER_SECTIONS,
    Discount,
    Entry,
    Factor,
    Rented,
    Seat,
)

Model = TypeVar("Model", bound=BaseModel)
_FACTOR: TypeAdapter[Decimal] = TypeAdapter(Factor)
_RENTED: TypeAdapter[Any] = TypeAdapter(Rented)


def read_overlay(path: Path) -> Overlay:
    """Parse and check a file. Raises UsageError naming file and line."""
    document = _load(path)
    reader = _Reader(path.name)
    reader.only(document, (), SECTIONS, "the price overlay", "section")
    models = tuple(reader.models(document))
    reader.no_overlap(models)
    return Overlay(
        path=path.name,
        models=models,
        discounts=tuple(reader.rows(document, "discounts", Discount)),
        seats=tuple(reader.rows(document, "seats", Seat)),
        aliases=dict(reader.aliases(document)),
        tiers={t: dict(reader.factors(document, t)) for t in TIER_SECTIONS},
        rents=dict(reader.rents(document)),
    )


def _load(path: Path) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        document = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UsageError(
            f"is not valid YAML: {error.problem}.", where=f"{path.name}:{line}"
        ) from error
    except YAMLError as error:
        raise UsageError("is not valid YAML.", where=path.name) from error
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise UsageError(f"cannot be read: {reason}.", where=str(path)) from error
    if document is None:
        document = {}
    if not isinstance(document, dict):
        raise UsageError("must be a mapping with `models:` and so on.", where=f"{path.name}:1")
    return document


@dataclass(frozen=True, slots=True)
class _Reader:
    name: str

    def fail(self, line: int, message: str, hint: str = "") -> UsageError:
        return UsageError(message, where=f"{self.name}:{line}", hint=hint)

    def only(
        self, node: Any, valid_also: tuple[str, ...], valid: tuple[str, ...], what: str, kind: str
    ) -> None:
        """Complain about a key that does not exist, with the nearest one that does."""
        for key in node:
            if str(key) not in valid and str(key) not in valid_also:
                hint = f"{nearest(str(key), valid)}  All {kind}s: {', '.join(valid)}".strip()
                raise self.fail(_line(node, key), f"{what} has no {kind} `{key}`.", hint)

    def mapping(self, document: Any, section: str) -> Any:
        node = document.get(section) or {}
        if not isinstance(node, dict):
            raise self.fail(_line(document, section), f"`{section}` must be a mapping.")
        return node

    def models(self, document: Any) -> Iterator[Own]:
        node = self.mapping(document, "models")
        for name, value in node.items():
            rows = value if isinstance(value, list) else [value]
            for index, row in enumerate(rows):
                line = _line(value, index) if isinstance(value, list) else _line(node, name)
                entry = self.checked(row, Entry, f"model `{name}`", line)
                self.useful(str(name), entry, line)
                yield Own(str(name), entry, line)

    def checked(self, row: Any, kind: type[Model], what: str, line: int) -> Model:
        if not isinstance(row, dict):
            raise self.fail(line, f"{what} must be a mapping like {{input: 2.5, output: 10}}.")
        valid = tuple(f.alias or n for n, f in kind.model_fields.items())
        self.only(row, (), valid, what, "setting")
        try:
            return kind.model_validate(dict(row))
        except ValidationError as error:
            first = error.errors()[0]
            raise self.fail(
                _deep_line(row, first["loc"], line),
                f"{what}: `{'.'.join(str(p) for p in first['loc'])}`: {first['msg']}.",
                f"It says {first['input']!r}.",
            ) from error

    def useful(self, name: str, entry: Entry, line: int) -> None:
        if entry.self_hosted and (entry.gpus is None or entry.priced):
            raise self.fail(
                line, f"model `{name}`: own GPUs need `gpus`, and no token price beside them.",
                "{gpu_hour_usd: 2.20, gpus: 2, hours: 720}",
            )  # fmt: skip
        if not (entry.priced or entry.self_hosted or entry.billing == "subscription"):
            raise self.fail(line, f"model `{name}` gives no price.", "{input: 2.50, output: 10.00}")
        if entry.from_ and entry.to and entry.from_ > entry.to:
            raise self.fail(line, f"model `{name}`: `from` is after `to`.")

    def no_overlap(self, models: tuple[Own, ...]) -> None:
        """Two prices for one model, provider and day would leave the bill to their order."""
        for i, a in enumerate(models):
            for b in models[:i]:
                same = a.name.lower() == b.name.lower() and a.entry.provider == b.entry.provider
                if same and _overlap(a.entry, b.entry):
                    raise self.fail(
                        a.line, f"model `{a.name}` has two prices for the same days.",
                        f"The other one is on line {b.line}: give both `from` and `to`.",
                    )  # fmt: skip

    def rows(self, document: Any, section: str, kind: type[Model]) -> Iterator[Model]:
        node = document.get(section) or []
        if not isinstance(node, list):
            raise self.fail(_line(document, section), f"`{section}` must be a list.")
        for index, row in enumerate(node):
            yield self.checked(row, kind, f"`{section}`", _line(node, index))

    def aliases(self, document: Any) -> Iterator[tuple[str, str]]:
        node = self.mapping(document, "aliases")
        for name, target in node.items():
            if not isinstance(target, str) or not target.strip():
                raise self.fail(_line(node, name), f"alias `{name}` must name a model.")
            yield str(name).lower(), target.strip()

    def rents(self, document: Any) -> Iterator[tuple[str, object]]:
        node = self.mapping(document, "rents")
        for name, value in node.items():
            try:
                yield str(name), _texts(_RENTED.validate_python(value))
            except ValidationError as error:
                raise self.fail(
                    _line(node, name),
                    f"`rents` of `{name}`: no price of a GPU-hour.",
                    f"It says {value!r}; 2.10, [1.90, 2.40] or {{spot: 0.80}} is meant.",
                ) from error

    def factors(self, document: Any, section: str) -> Iterator[tuple[str, Decimal]]:
        node = self.mapping(document, section)
        for provider, value in node.items():
            try:
                yield str(provider), _FACTOR.validate_python(value)
            except ValidationError as error:
                raise self.fail(
                    _line(node, provider),
                    f"`{section}` of `{provider}`: {error.errors()[0]['msg']}.",
                    f"It says {value!r}; a multiplier like 0.5 is meant.",
                ) from error


def _texts(given: Any) -> Any:
    """Decimals as texts: what reads rents takes the mapping as it was written."""
    if isinstance(given, dict):
        return {str(key): _texts(value) for key, value in given.items()}
    return [_texts(one) for one in given] if isinstance(given, list) else str(given)


def _overlap(a: Entry, b: Entry) -> bool:
    starts_late = b.to and a.from_ and a.from_ > b.to
    ends_early = a.to and b.from_ and b.from_ > a.to
    return not (starts_late or ends_early)


def _line(node: Any, key: Any) -> int:
    """Line (from 1) of a key or list item; 1 where YAML keeps none."""
    marks = getattr(node, "lc", None)
    found = (marks.data or {}).get(key) if marks is not None else None
    return int(found[0]) + 1 if found else 1


def _deep_line(node: Any, path: tuple[int | str, ...], default: int) -> int:
    line = default
    for part in path:
        if not isinstance(node, dict) or part not in node:
            break
        line = _line(node, part)
        node = node[part]
    return line
