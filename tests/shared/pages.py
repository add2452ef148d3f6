"""The pages that people wrote, as paths from the project's root; those that a run wrote are left
out.
"""

from pathlib import Path

ROOT = Path(__file__).parents[2]
RELEASED = ROOT / "docs" / "record" / "release"
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    if RELEASED not in path.parents
)
