"""TRACES in all their forms: found, unpacked, streamed, each once."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from pathlib import Path

import pytest
import zstandard

from costopt.errors import InputError
from costopt.sources import files
from costopt.sources.files import head_of, plain_name, source_files

LINE = b'{"a": 1}\n'


def names(*traces: Path | str) -> list[str]:
    return [Path(f.name).name for f in source_files([str(t) for t in traces])]


def test_a_folder_is_walked_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.jsonl", "sub/c.jsonl", ".git/d.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(LINE)
    assert names(tmp_path) == ["a.jsonl", "b.jsonl", "c.jsonl"]


def test_a_loop_of_links_is_walked_once(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(LINE)
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "alias.jsonl").symlink_to(tmp_path / "a.jsonl")
    assert names(tmp_path, tmp_path / "a.jsonl") == ["a.jsonl"]


def test_a_glob_finds_files_and_folders(tmp_path: Path) -> None:
    for name in ("x1.jsonl", "x2.jsonl", "y.jsonl"):
        (tmp_path / name).write_bytes(LINE)
    assert names(tmp_path / "x*.jsonl") == ["x1.jsonl", "x2.jsonl"]


@pytest.mark.parametrize("packed", ["gz", "gz of two parts", "zst", "plain"])
def test_what_is_packed_is_told_by_its_bytes_not_its_name(tmp_path: Path, packed: str) -> None:
    data = {
        "gz": gzip.compress(LINE * 3),
        "gz of two parts": gzip.compress(LINE) + gzip.compress(LINE * 2),
        "zst": zstandard.ZstdCompressor().compress(LINE * 3),
        "plain": LINE * 3,
    }[packed]
    path = tmp_path / "log.bin"
    path.write_bytes(data)
    (file,) = source_files([str(path)])
    with file.open() as stream:
        assert stream.read() == LINE * 3


@pytest.mark.parametrize("suffix", ["zip", "eval"])
def test_members_of_an_archive_come_one_by_one(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"log.{suffix}"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("two.jsonl", LINE * 2)
        archive.writestr("one.jsonl.gz", gzip.compress(LINE))
    found = list(source_files([str(path)]))
    assert [f.name for f in found] == [f"{path}/one.jsonl.gz", f"{path}/two.jsonl"]
    for file, lines in zip(found, (1, 2), strict=True):
        with file.open() as stream:
            assert stream.read() == LINE * lines


def test_standard_input_is_looked_at_and_then_read_whole() -> None:
    (file,) = source_files(["-"], stdin=io.BytesIO(gzip.compress(LINE * 50_000)))
    assert head_of(file).data.startswith(LINE)
    assert head_of(file).truncated
    with file.open() as stream:
        assert stream.read() == LINE * 50_000


def test_a_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    if os.fork() == 0:
        pipe.write_bytes(LINE * 4)
        os._exit(0)
    (file,) = source_files([str(pipe)])
    assert head_of(file).data == LINE * 4
    with file.open() as stream:
        assert stream.read() == LINE * 4
    os.wait()


def test_a_bomb_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "RATIO_FREE_BYTES", 1 << 20)
    path = tmp_path / "bomb.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(b"0" * (64 << 20)))
    (file,) = source_files([str(path)])
    with file.open() as stream, pytest.raises(InputError, match="far more than a log"):
        while stream.read(1 << 20):
            pass


def test_a_damaged_archive_is_an_input_error(tmp_path: Path) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(os.urandom(50_000))[:20_000])
    (file,) = source_files([str(path)])
    with file.open() as stream, pytest.raises(InputError, match="damaged|unpack"):
        stream.read()


def test_a_wrong_name_says_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / "traces.jsonl").write_bytes(LINE)
    with pytest.raises(InputError) as error:
        names(tmp_path / "trace.jsonl")
    assert "traces.jsonl" in error.value.hint


def test_an_empty_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        names(tmp_path)


def test_a_copy_and_its_packing_share_a_name() -> None:
    assert plain_name("/a/results.jsonl.gz") == plain_name("b/results.jsonl") == "results.jsonl"
