"""Text, tables, figures and networks -> one HTML file with all that it needs."""

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from plotly.graph_objects import Figure
from plotly.offline import get_plotlyjs

from lmanet.explain.card import NetworkCard
from lmanet.explain.page.markdown import to_html
from lmanet.explain.page.tables import table_html
from lmanet.explain.tables.table import Table

HERE = Path(__file__).parent
SCRIPTS = ("elements", "theme", "figures", "tables", "diagram", "card", "explorer", "main")
EXPLORER = (
    '<section id="explorer" class="explorer" '
    'aria-label="Networks"><noscript>To pick networks here needs JavaScript.</noscript></section>'
)


class Contents(NamedTuple):
    """What the page shows.

    Attributes:
        text: Markdown, with the paragraphs ``[[table:NAME]]``, ``[[figure:NAME]]`` and
            ``[[explorer]]``.
        tables, figures: name -> what takes such a paragraph's place.
        cards: networks to pick in the explorer.
    """

    title: str
    text: str
    tables: Mapping[str, Table]
    figures: Mapping[str, Figure]
    cards: Sequence[NetworkCard]


def render_page(contents: Contents, folder: Path) -> str:
    """The page; pictures that its text names are read from ``folder``."""
    blocks = {f"[[table:{name}]]": table_html(table) for name, table in contents.tables.items()}
    blocks |= {
        f"[[figure:{name}]]": _figure(name, figure) for name, figure in contents.figures.items()
    }
    blocks["[[explorer]]"] = EXPLORER if contents.cards else ""
    body = to_html(contents.text, blocks, folder)
    plotly = get_plotlyjs()
    script = _script()
    return (
        _environment()
        .get_template("page.html")
        .render(
            title=contents.title,
            body=body.html,
            headings=body.headings,
            style=(HERE / "page.css").read_text(encoding="utf-8"),
            script=script,
            plotly=base64.b64encode(gzip.compress(plotly.encode(), mtime=0)).decode(),
            licence=plotly[: plotly.index("*/") + 2],
            hashes=[_hash(script), _hash(plotly)],
            figures=_json({name: _drawing(figure) for name, figure in contents.figures.items()}),
            cards=_json([_card(card) for card in contents.cards]),
        )
    )


def _figure(name: str, figure: Figure) -> str:
    """Its place below its title, which as text can break into lines and be read aloud."""
    title = escape(str(figure.layout.title.text or name))
    place = (
        f'<div data-figure="{escape(name)}"><noscript>To draw it needs JavaScript.</noscript></div>'
    )
    return f'<figure class="figure"><figcaption>{title}</figcaption>{place}</figure>\n'


def _drawing(figure: Figure) -> dict[str, Any]:
    """A figure for Plotly, without its title."""
    drawing: dict[str, Any] = json.loads(figure.to_json())
    drawing["layout"].pop("title", None)
    return drawing


def _card(card: NetworkCard) -> dict[str, Any]:
    fields = card._asdict()
    fields["parts"] = [part._asdict() for part in card.parts]
    fields["curve"] = [
        [
            epoch.epoch + 1,
            round(epoch.val_accuracy, 4),
            round(epoch.train_loss, 4),
            round(epoch.val_loss, 4),
        ]
        for epoch in card.curve
    ]
    fields["claims"] = [
        {"words": claim.words, "truth": claim.truth.value, "reason": claim.reason}
        for claim in card.claims
    ]
    return fields


def _json(value: object) -> str:
    """To stand in a script element: no text in it can end that element or begin another."""
    # ASCII, so that U+2028 is written as an escape
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


@cache
def _script() -> str:
    parts = [(HERE / "scripts" / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    return '"use strict";\n(() => {\n' + "\n".join(parts) + "})();\n"


def _hash(script: str) -> str:
    """As a Content-Security-Policy names an inline script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("lmanet.explain.page", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
