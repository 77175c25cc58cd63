"""Where exact ranks come from, in which order, and that nothing is fetched unasked."""

from __future__ import annotations

import gzip
import random
from importlib.util import find_spec
from pathlib import Path

import pytest

from costopt.accel import ranks
from costopt.accel.encodings import CL100K, O200K
from costopt.errors import InputError

pytest.importorskip("bpe_openai")
TEXTS = [
    "",
    "hello world",
    "a" * 5000,
    "naïve café 東京 🙂",
    "x = {'a': 1}\n\n\tif y:  \r\n",
    "1234567890",
]


def packed(name: str) -> bytes:
    """The ranks as the package carries them."""
    package = find_spec("bpe_openai")
    assert package is not None and package.origin is not None
    return (Path(package.origin).parent / "data" / f"{name}.tiktoken.gz").read_bytes()


@pytest.fixture
def nothing_cached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Neither tiktoken's cache nor the package, and a network that must not be asked."""
    monkeypatch.delenv("DATA_GYM_CACHE_DIR", raising=False)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path / "empty"))
    monkeypatch.setattr(ranks.tempfile, "gettempdir", lambda: str(tmp_path / "none"))
    monkeypatch.setattr(ranks, "_bindings", lambda: None)

    def forbidden(url: str) -> bytes:
        raise AssertionError(f"fetched {url} unasked")

    monkeypatch.setattr(ranks, "_fetch", forbidden)
    return tmp_path


def test_nothing_at_hand_means_none_and_no_download(nothing_cached: Path) -> None:
    assert ranks.find_encoder(O200K, None, allow_download=False) is None


@pytest.mark.parametrize("form", ["plain", "gz", "tiktoken's cache"])
@pytest.mark.parametrize("name", [O200K, CL100K])
def test_a_folder_of_ranks_counts_as_the_package_does(
    nothing_cached: Path, monkeypatch: pytest.MonkeyPatch, name: str, form: str
) -> None:
    raw = gzip.decompress(packed(name))
    files = {
        "plain": (f"{name}.tiktoken", raw),
        "gz": (f"{name}.tiktoken.gz", packed(name)),
        "tiktoken's cache": (ranks.cached_name(name), raw),
    }
    file, data = files[form]
    (nothing_cached / file).write_bytes(data)
    mine = ranks.find_encoder(name, nothing_cached, allow_download=False)
    monkeypatch.undo()
    theirs = ranks._from_bpe_openai(name)
    assert mine is not None and theirs is not None
    rng = random.Random(3)
    noise = ["".join(chr(rng.choice((32, 65, 97, 0xE9, 0x4E00, 0x1F600))) for _ in range(99))]
    for text in [*TEXTS, *noise, "lone \ud800 half", "pair \ud83d\ude00"]:
        assert mine.encode(text) == theirs.encode(text)
        assert mine.count(text) == theirs.count(text) == len(mine.encode(text))


def test_ranks_that_are_not_the_published_ones_are_refused(nothing_cached: Path) -> None:
    (nothing_cached / f"{O200K}.tiktoken").write_bytes(b"aGk= 0\n")
    with pytest.raises(InputError, match="no token ranks"):
        ranks.find_encoder(O200K, nothing_cached, allow_download=False)
    (nothing_cached / f"{O200K}.tiktoken.gz").write_bytes(b"\x1f\x8bbroken")
    with pytest.raises(InputError):
        ranks.find_encoder(O200K, nothing_cached, allow_download=False)


def test_tiktokens_cache_is_used_before_the_package(
    nothing_cached: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = nothing_cached / "cache"
    folder.mkdir()
    (folder / ranks.cached_name(CL100K)).write_bytes(gzip.decompress(packed(CL100K)))
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(folder))
    found = ranks.find_encoder(CL100K, None, allow_download=False)
    assert found is not None and found.source == str(folder)


def test_an_allowed_download_is_kept_for_the_next_run(
    nothing_cached: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return gzip.decompress(packed(CL100K))

    monkeypatch.setattr(ranks, "_fetch", fetch)
    for _ in range(2):
        found = ranks.find_encoder(CL100K, None, allow_download=True)
        assert found is not None and found.count("hello world") == 2
    assert len(asked) == 1 and asked[0].endswith("cl100k_base.tiktoken")


def test_a_network_that_does_not_answer_means_no_ranks(
    nothing_cached: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(url: str) -> bytes:
        raise TimeoutError(url)

    monkeypatch.setattr(ranks, "_fetch", fetch)
    assert ranks.find_encoder(CL100K, None, allow_download=True) is None


def test_a_slow_download_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Drip:
        def read(self, size: int) -> bytes:
            return b"x"

        def __enter__(self) -> Drip:
            return self

        def __exit__(self, *_: object) -> None: ...

    clock = iter(range(0, 10_000, 20))
    monkeypatch.setattr(ranks.urllib.request, "urlopen", lambda url, timeout: Drip())
    monkeypatch.setattr(ranks.time, "monotonic", lambda: float(next(clock)))
    with pytest.raises(TimeoutError):
        ranks._fetch("https://example.invalid/ranks")
