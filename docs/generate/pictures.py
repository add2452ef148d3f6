"""The pictures of the front page, taken by the system's Chromium.

    python docs/generate/pictures.py terminal multirun/quickstart/DATE
    python docs/generate/pictures.py report
    python docs/generate/pictures.py site FOLDER

`site` takes the front page of `build/site` in light and dark, to look at.
"""

import html
import io
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, get_args

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from lmanet.app.summary import summary

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
COLOURS = 128  # of a palette: a third of the bytes, and no difference to see
COLUMNS = 80
Scheme = Literal["light", "dark"]
# The height of a line is that of the font, so that the lines of a table meet.
SCREEN = """<body style="margin: 0"><pre id="screen" style="display: inline-block; margin: 0;
padding: 18px 22px; border-radius: 10px; background: #282828; color: #d9d9d9;
font: 20px/1.164 'DejaVu Sans Mono', monospace">{text}</pre></body>"""


def terminal(folder: str) -> None:
    """The last screen of a run, as a terminal of 80 columns shows it; from the root of a clone."""
    lines = ["$ python run.py +experiment=quickstart", "...", *summary(Path(folder))]
    shown = html.escape("\n".join(line for text in lines for line in _cut(text)))

    def take(page: Page) -> bytes:
        page.set_content(SCREEN.format(text=shown))
        return page.locator("#screen").screenshot(omit_background=True)

    _save(_taken(take), PICTURES / "terminal.png")


def _cut(text: str) -> Iterator[str]:
    """Lines as a terminal breaks them."""
    for line in text.splitlines():
        yield from (line[at : at + COLUMNS] for at in range(0, max(len(line), 1), COLUMNS))


def report() -> None:
    """The front in the example's report, light and dark."""
    for scheme, name in (("light", "report"), ("dark", "report_dark")):

        def take(page: Page, scheme: Scheme = scheme) -> bytes:
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": 1100, "height": 760})
            page.goto((ROOT / "docs" / "example" / "report.html").as_uri())
            page.wait_for_timeout(1500)  # the plots draw themselves
            page.get_by_role("heading", name="The front", exact=True).scroll_into_view_if_needed()
            page.evaluate("document.querySelector('#the-front')?.scrollIntoView()")
            page.wait_for_timeout(500)
            return page.screenshot()

        _save(_taken(take), PICTURES / f"{name}.png")


def site(folder: str) -> None:
    """The front page of the built site, light and dark."""
    for scheme in get_args(Scheme):

        def take(page: Page, scheme: Scheme = scheme) -> bytes:
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": 1280, "height": 900})
            page.goto((ROOT / "build" / "site" / "index.html").as_uri())
            page.wait_for_timeout(1000)
            return page.screenshot()

        _save(_taken(take), Path(folder) / f"site_{scheme}.png")


def _taken(take: Callable[[Page], bytes]) -> bytes:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        try:
            return take(browser.new_page())
        finally:
            browser.close()


def _save(picture: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(io.BytesIO(picture)) as image:
        small = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        small.save(path, optimize=True)


if __name__ == "__main__":
    {"terminal": terminal, "report": report, "site": site}[sys.argv[1]](*sys.argv[2:])
