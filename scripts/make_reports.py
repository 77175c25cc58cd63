"""Write reports/: what the commands print and draw for the sample traces, as a plain install sees it.

    python scripts/make_reports.py

README.md and docs show these files; nothing in them is written by hand.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
OUT = ROOT / "reports"
SAMPLE = "sample_traces/traces.jsonl"
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
    return re.sub(r" +\d+\.\d s$", "", text, count=1, flags=re.MULTILINE)


def picture(text: str, title: str) -> str:
    """A terminal window as SVG; no font is fetched."""
    from rich.console import Console
    from rich.text import Text

    console = Console(record=True, width=WIDTH, file=io.StringIO())
    console.print(Text(text.rstrip("\n")))
    drawn = console.export_svg(title=title, unique_id="costopt")
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)
    return drawn.replace("Fira Code", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono")


def main() -> int:
    """Write every file."""
    OUT.mkdir(exist_ok=True)
    screen = steady(costopt("audit", SAMPLE, "--no-store"))
    (OUT / "audit.txt").write_text(screen, encoding="utf-8")
    (OUT / "audit.svg").write_text(picture(screen, f"costopt audit {SAMPLE}"), encoding="utf-8")
    (OUT / "show-F1.txt").write_text(costopt("show", "F1", SAMPLE, "--no-store"), encoding="utf-8")
    result = costopt("audit", SAMPLE, "--no-store", "--json")
    (OUT / "result.json").write_text(result, encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "result.json"
        kept.write_text(result, encoding="utf-8")
        costopt("report", str(kept), "--html", str(OUT / "report.html"), "--md",
                str(OUT / "report.md"), "--png", str(OUT / "charts"))  # fmt: skip
    for path in sorted(OUT.rglob("*.*")):
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
