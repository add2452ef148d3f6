"""The pictures of the front page, taken by the system's Chromium.

    python docs/generate/pictures.py terminal < what_a_run_printed.txt
    python docs/generate/pictures.py report
    python docs/generate/pictures.py site FOLDER

`site` takes the front page of `build/site` in light and dark, to look at.
"""

import io
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
COLOURS = 128  # of a palette: a third of the bytes, and no difference to see
COLUMNS = 80


def terminal() -> None:
    """What stands on stdin, as a terminal of 80 columns shows it."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(sys.stdin.read().rstrip()))
    drawn = console.export_svg(title="lmanet +experiment=quickstart", clear=False)

    def take(page: Page) -> bytes:
        page.set_viewport_size({"width": 1000, "height": 800})
        page.set_content(f"<body style='margin:0;width:1000px'>{drawn}</body>")
        return page.locator("svg").first.screenshot(omit_background=True)

    _save(_taken(take), PICTURES / "terminal.png")


def report() -> None:
    """The front in the example's report."""

    def take(page: Page) -> bytes:
        page.set_viewport_size({"width": 1100, "height": 760})
        page.goto((ROOT / "docs" / "example" / "report.html").as_uri())
        page.wait_for_timeout(1500)  # the plots draw themselves
        page.get_by_role("heading", name="The front", exact=True).scroll_into_view_if_needed()
        page.evaluate("document.querySelector('#the-front')?.scrollIntoView()")
        page.wait_for_timeout(500)
        return page.screenshot()

    _save(_taken(take), PICTURES / "report.png")


def site(folder: str) -> None:
    """The front page of the built site, light and dark."""
    for scheme in ("light", "dark"):

        def take(page: Page, scheme: str = scheme) -> bytes:
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
