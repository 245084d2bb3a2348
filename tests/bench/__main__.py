"""`python -m tests.bench`: measures, and prints a table; `--write` writes docs/performance.md from it.

A target that is missed is printed as missed and fails nothing.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.bench.figure import as_page, as_text
from tests.bench.sections import SECTIONS, SEVERAL, chosen
from tests.bench.site import folder_of
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "performance.md"


def main() -> None:
    """The command."""
    said = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    said.add_argument("parts", nargs="*", choices=[*SECTIONS, *SEVERAL, []], help="only these; all by default")
    said.add_argument("--write", action="store_true", help="write docs/performance.md")
    asked = said.parse_args()
    figures = []
    with tempfile.TemporaryDirectory(prefix="wayproof-bench-") as folder:
        for name in chosen(asked.parts):
            sys.stderr.write(f"measuring: {name}\n")
            figures += SECTIONS[name](folder_of(Path(folder), name))
    sys.stdout.write(as_text(figures) + "\n")
    if asked.write:
        PAGE.write_text(as_page(figures))


if __name__ == "__main__":
    main()
