"""The site is built without a warning and without a network, and has what `conf/` has."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from lmanet.app.settings import GROUPS
from lmanet.board import load_target

pytestmark = pytest.mark.slow  # builds the site

ROOT = Path(__file__).parents[2]
CONF = ROOT / "conf"
BOARDS = sorted(
    path.stem for path in (CONF / "target").glob("*.yaml") if path.stem not in ("none", "bench")
)
MOST_PICTURE_BYTES = 150_000
LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; `--strict` makes an error of a warning, a broken link among them."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    known = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, cwd=ROOT, env=known, capture_output=True, text=True)
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr
    return folder


class _Places(HTMLParser):
    """What a page loads, and where its links lead."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.linked: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if place := given.get(LOADED.get(tag, "")):
            self.loaded.append(place)
        if tag == "a" and (place := given.get("href")):
            self.linked.append(place)


def test_a_page_loads_nothing_from_elsewhere(site):
    pages = [page for page in site.rglob("*.html") if "bench" not in page.parts]
    assert len(pages) > 40
    for page in pages:
        assert not [place for place in _Places(page).loaded if urlsplit(place).netloc], page


def test_every_link_of_the_front_page_and_the_reference_leads_to_a_file(site):
    for page in (site / "index.html", *(site / "reference").glob("*.html")):
        for link in _Places(page).linked:
            parts = urlsplit(link)
            if not parts.scheme and parts.path:
                assert (page.parent / unquote(parts.path)).exists(), (page.name, link)


def test_the_site_has_a_light_and_a_dark_look(site):
    front = (site / "index.html").read_text(encoding="utf-8")
    schemes = set(re.findall(r'data-md-color-scheme="(\w+)"', front))
    assert schemes >= {"default", "slate"} and "prefers-color-scheme: dark" in front


@pytest.mark.parametrize("name", BOARDS)
def test_every_board_has_a_page_with_its_limits(site, name):
    page = (site / "boards" / f"{name}.html").read_text(encoding="utf-8")
    limits = load_target(name).limits
    assert all(f"{value:,}" in page for value in limits.values())
    assert "To the first class" in page


@pytest.mark.parametrize("group", GROUPS)
def test_every_key_of_conf_is_explained(site, group):
    page = (site / "reference" / "settings.html").read_text(encoding="utf-8")
    found = re.findall(r"<tr>\s*<td><code>([\w.]+)</code></td>(.*?)</tr>", page, re.DOTALL)
    rows = {key: rest for key, rest in found if key.startswith(f"{group}.")}
    assert len(rows) == sum(key.startswith(f"{group}.") for key, _ in found), "each once"
    for path in (CONF / group).glob("*.yaml"):
        assert set(_keys(group, yaml.safe_load(path.read_text(encoding="utf-8")))) <= set(rows)
    for key, rest in rows.items():
        legal, what = re.findall(r"<td[^>]*>(.*?)</td>", rest, re.DOTALL)[2:4]
        assert legal.strip() and what.strip(), f"say in conf/{group} what {key} does"


def test_llms_txt_lists_every_page_of_the_navigation(site):
    text = (site / "llms.txt").read_text(encoding="utf-8")
    assert text.startswith("# lmanet\n\n> ")
    links = re.findall(r"^- \[[^\]]+\]\(([^)]+)\)", text, flags=re.MULTILINE)
    assert len(links) > 35 and all((site / link).is_file() for link in links)


def test_pictures_are_small():
    pictures = list((ROOT / "docs" / "pictures").glob("*.png"))
    assert pictures and all(path.stat().st_size < MOST_PICTURE_BYTES for path in pictures)


def _keys(path: str, node: object) -> list[str]:
    """Keys whose value is no constructor of its own, below one."""
    if not isinstance(node, dict):
        return []
    named = "_target_" in node
    keys = []
    for name, value in node.items():
        if name.startswith("_") or name == "defaults":
            continue
        deeper = isinstance(value, dict) and "_target_" in str(value)
        keys += _keys(f"{path}.{name}", value) if deeper else [f"{path}.{name}"] * named
    return keys
