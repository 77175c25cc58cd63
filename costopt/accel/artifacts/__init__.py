"""Builds what layers ask for by kind, once: the file `artifacts/<kind>.py` has `build`.

A built thing is kept in memory by its spec and the content it was built from. What a builder makes
row by row (a vector of a text, a compressed text) it takes through `kept`, by digest of the row: an
edit upstream then makes only the rows that changed, and a second run makes none.
"""

from __future__ import annotations

import importlib
import inspect
from collections import OrderedDict
from collections.abc import Hashable
from pathlib import Path
from types import ModuleType
from typing import Any

from costopt.accel.artifacts.content import content_of
from costopt.accel.artifacts.kept import Kept
from costopt.layers.base import ArtifactSpec
from costopt.model.ports import Texts, TokenCounter
from costopt.model.view import View

IN_MEMORY = 16
"""Built things held at once: a sweep or the shares of a few layers ask for the same ones again."""


class Artifacts:
    """The `Builder` of an evaluator. `cache_dir`: where rows stay between runs; None: nowhere.

    A builder's module has `build(spec, view, tokens, texts)`, with a last argument `kept` if it
    wants the rows of earlier runs. It may have `content(spec, view)`: what the thing depends on beside
    the spec; without it, all of the view's requests and answers.
    """

    def __init__(self, cache_dir: Path | None, **options: Any) -> None:
        """`options`: what some builders need beside the view (`offline`), as keyword arguments."""
        self._kept = Kept(cache_dir)
        self._options = options
        self._built: OrderedDict[Hashable, Any] = OrderedDict()
        self.builds = 0
        """Things built and not found: a second identical question must not raise it."""

    def build(self, spec: ArtifactSpec, view: View, tokens: TokenCounter, texts: Texts) -> Any:
        """The thing itself. LookupError: no builder of that kind. MissingExtra, InputError: its own."""
        module = _module(spec.kind)
        depends = getattr(module, "content", content_of)
        key = (spec, depends(spec, view))
        if key not in self._built:
            self._built[key] = self._made(module, spec, view, tokens, texts)
            while len(self._built) > IN_MEMORY:
                self._built.popitem(last=False)
        self._built.move_to_end(key)
        return self._built[key]

    def _made(
        self, module: ModuleType, spec: ArtifactSpec, view: View, tokens: TokenCounter, texts: Texts
    ) -> Any:
        self.builds += 1
        known = {"kept": self._kept, "artifacts": self, **self._options}
        wanted = inspect.signature(module.build).parameters
        more = {name: value for name, value in known.items() if name in wanted}
        return module.build(spec, view, tokens, texts, **more)


def _module(kind: str) -> ModuleType:
    name = f"{__name__}.{kind}"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:  # the builder is there, what it imports is not
            raise
        raise LookupError(f"no builder for {kind}") from None
    return module
