"""Run the command line in this process: exit code, stdout, stderr."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from costopt.cli.main import main


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str


def costopt(capsys: pytest.CaptureFixture[str], *arguments: object) -> Ran:
    """`costopt ARGUMENTS`; a traceback would show as another exception than SystemExit."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as done:
        main([str(a) for a in arguments])
    said = capsys.readouterr()
    return Ran(int(done.value.code or 0), said.out, said.err)
