"""Built once: the same content gives the same object, a second run makes no row, an edit a few."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from costopt.accel.artifacts import Artifacts
from costopt.accel.artifacts.content import content_of, digest_of
from costopt.accel.artifacts.kept import FILES, Kept
from costopt.layers.base import ArtifactSpec
from costopt.model.trace import Ragged
from costopt.model.view import View
from tests.billing.small import LetterTokens, call, timed, usage


class NoTexts:
    def get(self, segments: Any) -> list[str | None]:
        return [None] * len(segments)


def view() -> View:
    return View.of(timed([call(k, [f"user:{k}"], usage(9, out=1)) for k in "abc"]))


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> list[ArtifactSpec]:
    """A builder of kind `content` that notes what it was asked for."""
    asked: list[ArtifactSpec] = []
    module = ModuleType("costopt.accel.artifacts.content")

    def build(spec: ArtifactSpec, view: View, tokens: Any, texts: Any, kept: Kept) -> object:
        asked.append(spec)
        assert isinstance(kept, Kept)
        return object()

    module.build = build  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return asked


def test_the_same_question_is_built_once(counting: list[ArtifactSpec]) -> None:
    artifacts, one = Artifacts(None), view()
    tokens = LetterTokens(one.segments)
    first = artifacts.build(ArtifactSpec("content"), one, tokens, NoTexts())
    assert artifacts.build(ArtifactSpec("content"), view(), tokens, NoTexts()) is first
    assert artifacts.builds == len(counting) == 1


def test_other_settings_or_other_bytes_are_another_thing(counting: list[ArtifactSpec]) -> None:
    artifacts, one = Artifacts(None), view()
    tokens = LetterTokens(one.segments)
    shorter = Ragged(np.array([0, 1, 2, 2]), one.request.ids[:2], one.request.flags[:2])
    things = {
        artifacts.build(ArtifactSpec("content", settings), seen, tokens, NoTexts())
        for settings in ((), (("a", 1),))
        for seen in (one, one.edited(request=shorter))
    }
    assert len(things) == 4


def test_an_unknown_kind_is_named() -> None:
    one = view()
    with pytest.raises(LookupError, match="no builder for nonsense"):
        Artifacts(None).build(ArtifactSpec("nonsense"), one, LetterTokens(one.segments), NoTexts())


def test_content_sees_what_was_sent() -> None:
    one, spec = view(), ArtifactSpec("x")
    assert content_of(spec, one) == content_of(spec, view())
    assert content_of(spec, one) != content_of(spec, one.edited(sent=~one.sent))


def test_parts_do_not_run_together() -> None:
    assert digest_of("ab", "c") != digest_of("a", "bc")


def values(kept: Kept, keys: str, made: list[str]) -> list[str]:
    def make(new: list[int]) -> pa.Array:
        made.extend(keys[i] for i in new)
        return pa.array([keys[i].upper() for i in new])

    got = kept.through("upper/1", [k.encode() for k in keys], make)
    return list(got.to_pylist())


def test_only_new_rows_are_made() -> None:
    kept, made = Kept(None), list[str]()
    assert values(kept, "abca", made) == ["A", "B", "C", "A"]
    assert values(kept, "dcb", made) == ["D", "C", "B"]
    assert made == ["a", "b", "c", "d"]


def test_a_second_run_makes_none(tmp_path: Path) -> None:
    made = list[str]()
    values(Kept(tmp_path), "ab", made)
    values(Kept(tmp_path), "bc", made)
    assert values(Kept(tmp_path), "cba", made) == ["C", "B", "A"]
    assert made == ["a", "b", "c"]


def test_another_name_is_another_value(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    values(kept, "a", [])
    got = kept.through("other", [b"a"], lambda new: pa.array(["x"]))
    assert got.to_pylist() == ["x"]


def test_a_broken_file_is_made_again(tmp_path: Path) -> None:
    made = list[str]()
    values(Kept(tmp_path), "ab", made)
    for path in tmp_path.rglob("*.parquet"):
        path.write_bytes(b"not parquet")
    assert values(Kept(tmp_path), "ab", made) == ["A", "B"]
    assert made == ["a", "b", "a", "b"]


def test_many_small_files_become_one(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    for code in range(FILES + 1):
        values(kept, chr(0x100 + code), [])
    assert len(list(tmp_path.rglob("*.parquet"))) == 1
    again = list[str]()
    values(Kept(tmp_path), "".join(chr(0x100 + code) for code in range(FILES + 1)), again)
    assert not again


def test_a_folder_that_is_a_file_keeps_nothing_and_still_works(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert values(Kept(tmp_path / "file"), "a", []) == ["A"]
