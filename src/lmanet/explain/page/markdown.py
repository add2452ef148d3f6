"""Markdown -> HTML in which no text can become markup; placeholders become blocks, pictures of the
run's folder stand inline.
"""

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

NOT_IN_IDS = re.compile(r"[^a-z0-9]+")


class Heading(NamedTuple):
    """An entry of the table of contents."""

    level: int
    id: str
    text: str


class Rendered(NamedTuple):
    """HTML and its headings, the first level left out."""

    html: str
    headings: list[Heading]


def to_html(text: str, blocks: Mapping[str, str], folder: Path) -> Rendered:
    """Render a report.

    Args:
        blocks: ``[[table:front]]`` -> the HTML that takes the place of a paragraph of exactly that
            source; escaped text is never one.
        folder: whose PNG files pictures may name; what lies outside, or is not there, becomes its
            alternative text.
    """
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(text)
    headings: list[Heading] = []
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            _name(token, tokens[place + 1], headings)
        elif token.type == "inline":
            token.children = [_picture(child, folder) for child in token.children or []]
    html: str = markdown.renderer.render(_with_blocks(tokens, blocks), markdown.options, {})
    return Rendered(html, [heading for heading in headings if heading.level > 1])


def _with_blocks(tokens: list[Token], blocks: Mapping[str, str]) -> list[Token]:
    result: list[Token] = []
    for token in tokens:
        before = result[-1] if result else None
        if (
            token.type == "inline"
            and before
            and before.type == "paragraph_open"
            and token.content in blocks
        ):
            result[-1] = Token("html_block", "", 0, content=blocks[token.content])
        elif not (token.type == "paragraph_close" and before and before.type == "html_block"):
            result.append(token)
    return result


def _name(opening: Token, inline: Token, headings: list[Heading]) -> None:
    """Give a heading an id that no other has."""
    text = "".join(child.content for child in inline.children or [])
    stem = NOT_IN_IDS.sub("-", text.lower()).strip("-") or "part"
    taken = {heading.id for heading in headings}
    name = next(
        name
        for name in (stem, *(f"{stem}-{number}" for number in range(2, len(headings) + 3)))
        if name not in taken
    )
    opening.attrSet("id", name)
    headings.append(Heading(int(opening.tag[1]), name, text))


def _picture(token: Token, folder: Path) -> Token:
    if token.type != "image":
        return token
    name = unquote(str(token.attrGet("src"))).replace("\0", "")  # no path can hold a NUL
    path = (folder / name).resolve()
    if path.suffix == ".png" and path.is_relative_to(folder.resolve()) and path.is_file():
        token.attrSet(
            "src", f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
        )
        return token
    return Token("text", "", 0, content=token.content)
