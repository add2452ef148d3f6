"""What the site adds to the pages of `docs/`: settings and boards from `conf/`, and llms.txt.

MkDocs calls these functions by their names (`hooks` in mkdocs.yml).
"""

import html
from pathlib import Path
from typing import Any

import boards
import llm_results
import settings
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page

MARKS = {
    "<!-- settings -->": settings.page,
    "<!-- boards -->": boards.table,
    "<!-- llm_results -->": llm_results.table,
}
_nav: list[Navigation] = []


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each board."""
    for name in boards.targets():
        files.append(File.generated(config, f"boards/{name}.md", content=boards.page(name)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put tables where a page has their marks."""
    for mark, make in MARKS.items():
        if mark in markdown:
            markdown = markdown.replace(mark, make())
    return markdown


def on_nav(nav: Navigation, **_: Any) -> None:
    """Keep the list of pages for llms.txt."""
    _nav[:] = [nav]


def on_post_build(config: MkDocsConfig) -> None:
    """Write llms.txt, a list of all pages for language models (llmstxt.org)."""
    parts = [f"# {config.site_name}", f"> {config.site_description}."]
    for section in _nav[0].items:
        pages = section.children if section.is_section else [section]
        lines = [_line(each) for each in pages or () if isinstance(each, Page)]
        parts.append("\n".join([f"## {section.title or config.site_name}", "", *lines]))
    Path(config.site_dir, "llms.txt").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _line(page: Page) -> str:
    about = _first_sentence(page.markdown or "")
    title = html.unescape(str(page.title))
    return f"- [{title}]({page.url or 'index.html'})" + (f": {about}" if about else "")


def _first_sentence(markdown: str) -> str:
    paragraphs = (part.strip() for part in markdown.split("\n\n"))
    plain = (part for part in paragraphs if part and part[0] not in "#|<`![-:0")
    return " ".join(next(plain, "").split()).partition(". ")[0].rstrip(".:")
