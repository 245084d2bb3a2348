"""Where things lie: the project, and the sample traffic beside it (read by tests, never copied)."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED_DATA = ROOT.parent / "shared" / "data"
