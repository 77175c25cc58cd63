"""What the scaffolding writes works at once: its own tests pass in a copy of the tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = {
    # The scaffold's laws alone; two processes over all layers (`same_bytes`) would take too long here.
    "layer": ["tests/layers/test_cases.py", "tests/laws", "-k", "acme_gateway and not same_bytes"],
    "source": ["tests/sources/test_samples.py", "-k", "acme-gateway"],
    "finding": ["tests/findings/test_acme_gateway.py"],
    "check": ["tests/checklist/test_acme_gateway.py"],
    "section": ["tests/report/test_section_acme_gateway.py"],
    "endpoint": ["tests/endpoints/test_acme_gateway.py"],
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package and its tests, which the installed one must not shadow."""
    root = tmp_path_factory.mktemp("tree")
    skip = shutil.ignore_patterns("__pycache__", ".hypothesis")
    for name in ("costopt", "tests", "scripts"):
        shutil.copytree(ROOT / name, root / name, ignore=skip)
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


@pytest.mark.parametrize("kind", sorted(TESTS))
def test_a_scaffold_passes_its_own_tests(kind: str, tree: Path) -> None:
    new = [sys.executable, str(ROOT / "scripts/new.py"), kind, "acme_gateway", "--root", str(tree)]
    made = subprocess.run(new, capture_output=True, text=True, check=True)
    assert "wrote" in made.stdout
    again = subprocess.run(new, capture_output=True, text=True, check=False)
    assert again.returncode == 2 and "nothing was written" in again.stderr
    environment = os.environ | {"PYTHONPATH": str(tree)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *TESTS[kind]], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    written = [line.removeprefix("wrote ") for line in made.stdout.splitlines() if "wrote" in line]
    python = [str(tree / name) for name in written if name.endswith(".py")]
    ruff = [sys.executable, "-m", "ruff"]
    subprocess.run([*ruff, "check", "--quiet", *python], cwd=tree, check=True)
    subprocess.run([*ruff, "format", "--check", "--quiet", *python], cwd=tree, check=True)
