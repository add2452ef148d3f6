"""Every link of every page leads to a file or a heading that is there."""

import pkgutil
import re
from pathlib import Path

import pages
import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    (
        *pages.PAGES,
        "multirun/README.md",  # beside it stand the runs of the user
        *(str(page.relative_to(ROOT)) for page in (ROOT / ".github").rglob("*.md")),
    )
)
FILE = re.compile(
    r"(?<![\w/])(?:tests|benchmarks|src|conf)/[\w/.-]+\.(?:py|md|yaml|jsonl|json|csv)\b"
)
LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page, read):
    for link in LINK.findall(read(page)):
        if link.startswith("https://"):
            continue
        target, _, heading = link.partition("#")
        path = (ROOT / page).parent / target if target else ROOT / page
        assert path.exists(), link
        # of a picture it names the look, light or dark, in which the site shows it
        assert not heading or path.suffix == ".png" or heading in _headings(path), link


def test_every_page_of_the_docs_is_in_the_index(read):
    linked = {str((ROOT / "docs" / link).resolve()) for link in LINK.findall(read("docs/index.md"))}
    folders = ("tutorials", "how-to", "reference", "explanation")
    pages = {str(path) for folder in folders for path in (ROOT / "docs" / folder).glob("*.md")}
    assert pages and pages <= linked, pages - linked


def _headings(path: Path) -> set[str]:
    """The headings of a page as a browser addresses them."""
    titles = re.findall(r"^#+ +(.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_name_of_the_project_that_a_page_gives_is_there(page, read):
    text = read(page)
    examples = set(re.findall(r"`plugin/((?:conf/)?[\w/.-]+)`", text)) | {"conf/group/option.yaml"}
    for path in set(re.findall(FILE, text)) - examples:
        assert (ROOT / path).exists(), path
    for name in set(re.findall(r"(?<![./\w])lmanet(?:\.[A-Za-z_]+)+", text)):
        pkgutil.resolve_name(name.removesuffix(".py"))
