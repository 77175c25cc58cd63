"""Write reports/: what the commands print and draw for the sample traces, as a plain install sees it.

    python scripts/make_reports.py            # rewrite
    python scripts/make_reports.py --check    # fails where a file differs from what would be written

README.md and docs show these files; nothing in them is written by hand.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
OUT = ROOT / "reports"
SAMPLE = "sample_traces/traces.jsonl"
POLICY = "sample_traces/policy.yaml"
WIDTH = 80

# Optional token ranks are hidden: what a reader without extras sees is what the files show.
PLAIN = "import sys; sys.modules['bpe_openai'] = None; from costopt.cli.main import main; main(sys.argv[1:])"


def costopt(*words: str, cwd: Path = ROOT) -> str:
    """What a command prints at 80 columns."""
    environment = os.environ | {"COLUMNS": str(WIDTH), "NO_COLOR": "1"}
    environment.pop("TIKTOKEN_CACHE_DIR", None)
    command = [sys.executable, "-c", PLAIN, *words]
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"costopt {' '.join(words)} failed:\n{done.stderr}")
    return done.stdout


def steady(text: str) -> str:
    """Without the seconds that this run took: they are another machine's."""
    return re.sub(r"( ·)? +\d+\.\d s$", "", text, count=1, flags=re.MULTILINE)


def picture(text: str, title: str) -> str:
    """A terminal window as SVG; no font is fetched."""
    from rich.console import Console
    from rich.text import Text

    console = Console(record=True, width=WIDTH, file=io.StringIO())
    console.print(Text(text.rstrip("\n")))
    drawn = console.export_svg(title=title, unique_id="costopt")
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)
    return drawn.replace("Fira Code", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono")


def write(out: Path) -> None:
    """Every file. The report is that of a simulated policy: all of the audit, and what it would save."""
    out.mkdir(parents=True, exist_ok=True)
    screen = steady(costopt("audit", SAMPLE, "--no-store"))
    (out / "audit.txt").write_text(screen, encoding="utf-8")
    (out / "audit.svg").write_text(picture(screen, f"costopt audit {SAMPLE}"), encoding="utf-8")
    (out / "show-F1.txt").write_text(costopt("show", "F1", SAMPLE, "--no-store"), encoding="utf-8")
    simulate = ("simulate", SAMPLE, "--policy", POLICY, "--no-store")
    (out / "simulate.txt").write_text(steady(costopt(*simulate)), encoding="utf-8")
    replay = ("replay", *simulate[1:], "--base-url", "recorded")
    (out / "replay.txt").write_text(steady(costopt(*replay)), encoding="utf-8")
    (out / "result.json").write_text(costopt(*simulate, "--json"), encoding="utf-8")
    charts = out / "charts"
    if charts.exists():
        shutil.rmtree(charts)  # a chart that is gone must not stay
    costopt("report", str(out / "result.json"), "--html", str(out / "report.html"), "--md",
            str(out / "report.md"), "--png", str(charts))  # fmt: skip


def differing() -> list[str]:
    """Files that a fresh run would write otherwise. Pictures: only whether they are there, because
    their bytes are those of one version of the drawing library."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        write(fresh)
        names = {p.relative_to(root).as_posix() for root in (OUT, fresh) for p in root.rglob("*.*")}
        return sorted(n for n in names if not _same(OUT / n, fresh / n))


def _same(old: Path, new: Path) -> bool:
    if not old.exists() or not new.exists():
        return False
    if old.suffix == ".png":
        return True
    return rounded(old.read_text("utf-8")) == rounded(new.read_text("utf-8"))


def rounded(text: str) -> str:
    """Long decimals cut to six digits: the last ones are another machine's arithmetic."""
    return re.sub(r"(\.\d{6})\d+", r"\1", text)


def main() -> int:
    """Write every file; with --check only compare."""
    if "--check" in sys.argv[1:]:
        names = differing()
        for name in names:
            print(
                f"out of date: reports/{name}. Run: python scripts/make_reports.py", file=sys.stderr
            )
        return int(bool(names))
    write(OUT)
    for path in sorted(OUT.rglob("*.*")):
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
