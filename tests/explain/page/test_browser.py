"""The page in headless Chromium, as its readers use it: with a mouse, a keyboard, a phone, in the
dark, without JavaScript.
"""

import csv
import io
import os
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Download,
    Page,
    Route,
    expect,
    sync_playwright,
)

from lmanet.explain import Report, Setting
from lmanet.explain.page import render_page
from lmanet.explain.tables.table import Table
from lmanet.run.folder import RunFolder
from lmanet.space import load_space

pytestmark = pytest.mark.slow  # drives a browser

PHONE = {"width": 360, "height": 740}
NAMES = (
    "[...document.querySelectorAll('button, input, select, a, [tabindex]')].filter(e => "
    "e.checkVisibility())"
)
# The name that a screen reader says, by its commonest sources.
NAMELESS = (
    f"{NAMES}.filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || "
    "e.labels?.length)).map(e => e.outerHTML)"
)
# WCAG 2.2: contrast of each element with text of its own against the nearest ground that is not
# clear; AA asks for 4.5, or 3 if large.
FAINT = """() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = channels(colour).map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (e) => {
    const own = getComputedStyle(e).backgroundColor;
    return channels(own)[3] === 0 ? ground(e.parentElement) : own;
  };
  const own = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  const faint = [];
  for (const e of document.querySelectorAll("body *:not(script, svg *, noscript, option)")) {
    if (!own(e) || !e.checkVisibility()) continue;
    const style = getComputedStyle(e);
    const [a, b] = [light(style.color), light(ground(e))].sort((x, y) => y - x);
    const least = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    if ((a + 0.05) / (b + 0.05) < least) faint.push(`${e.className || e.tagName}: ${style.color} on ${ground(e)}`);
  }
  return faint;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        if os.environ.get("CI") == "true":
            pytest.fail(
                "there is no chromium, and in CI the page must be tried in one: install Debian's "
                "package chromium"
            )
        pytest.skip("there is no chromium on this machine")
    with sync_playwright() as playwright:
        # a container's root has no sandbox
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def file(contents, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    (folder / "report.html").write_text(render_page(contents, folder), encoding="utf-8")
    return folder / "report.html"


class Reader:
    """Opens pages, and keeps what they asked the network for and what they complained of."""

    def __init__(self, browser: Browser, file: Path) -> None:
        self.browser, self.address = browser, file.as_uri()
        self.contexts: list[BrowserContext] = []
        self.requests: list[str] = []
        self.complaints: list[str] = []

    def open(self, fragment: str = "", ready: bool = True, before: str = "", **options) -> Page:
        context = self.browser.new_context(
            **{"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"} | options
        )
        context.set_default_timeout(120_000)  # a busy machine takes long to draw
        self.contexts.append(context)
        context.route("**/*", self._only_the_file)
        if before:
            context.add_init_script(before)
        page = context.new_page()
        # Plotly warns with a trace, not a warning
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(self.address + fragment)
        if ready:
            page.wait_for_selector("html[data-ready]")
        return page

    def _only_the_file(self, route: Route) -> None:
        if route.request.url.partition("#")[0] == self.address or route.request.url.startswith(
            ("data:", "blob:")
        ):
            route.continue_()
        else:
            self.requests.append(route.request.url)
            route.abort()

    def close(self) -> None:
        for context in self.contexts:
            context.close()


@pytest.fixture
def reader(browser, file) -> Iterator[Reader]:
    """A reader to whom no page complains and who sees no page ask for anything."""
    reader = Reader(browser, file)
    yield reader
    reader.close()
    assert reader.requests == []
    assert reader.complaints == []


def heading(page: Page) -> str:
    return page.locator("#explorer h3").inner_text()


def column(page: Page, name: str, place: int) -> list[str]:
    return page.locator(f'[data-name="{name}"] tbody tr td:nth-child({place})').all_inner_texts()


def see_all(page: Page) -> None:
    """Figures are drawn when they come near."""
    for figure in page.locator("[data-figure]").all():
        figure.scroll_into_view_if_needed()
        figure.locator(".main-svg").first.wait_for()


def test_a_point_of_the_plot_is_picked_with_the_mouse(reader):
    page = reader.open()
    assert heading(page) == "Candidate 4 · 90.0 % · on the front"
    # the front's second
    box = page.locator(".plot .scatterlayer .trace").nth(2).locator(".point").nth(1).bounding_box()
    page.mouse.move(box["x"], box["y"])
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("#explorer h3")).to_have_text("Candidate 1 · 80.0 % · on the front")
    assert page.url.endswith("#candidate-1")
    assert page.locator("input[name=network]:checked").get_attribute("value") == "1"
    assert "arch=networks/id1.json" in page.locator(".details").inner_text()


def test_networks_are_picked_with_the_keyboard(reader):
    page = reader.open()
    page.locator("#explorer-axis").focus()
    page.keyboard.press("Tab")
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    assert heading(page) == "Candidate 122 · 70.0 % · not on the front"
    assert page.url.endswith("#candidate-122")
    page.keyboard.press("ArrowUp")
    assert heading(page).startswith("Candidate 1")


def test_a_network_can_be_linked(reader):
    page = reader.open("#candidate-122")
    assert heading(page).startswith("Candidate 122")
    assert page.locator("#explorer").evaluate("e => e.getBoundingClientRect().top < innerHeight")
    page.evaluate("location.hash = '#candidate-1'")
    expect(page.locator("#explorer h3")).to_contain_text("Candidate 1")
    page.evaluate("location.hash = '#candidate-77'")
    assert heading(page).startswith("Candidate 1")


def test_the_card_tells_network_costs_claims_and_command(reader):
    page = reader.open()
    card = page.locator(".details")
    parts = card.locator(".diagram li")
    assert parts.count() == 3 and card.locator(".diagram svg").count() == 3
    assert ["▲ sets the peak of SRAM" in text for text in parts.all_inner_texts()] == [
        False,
        True,
        False,
    ]
    assert "32 channels" in parts.nth(1).inner_text() and "50 %" in parts.nth(1).inner_text()
    assert "3.00 · 75.0 % of the limit" in card.inner_text()
    assert card.locator(".mark").all_inner_texts() == ["✓ true", "✗ false", "? cannot be told"]
    assert "8x8 after two stages" in card.inner_text()
    assert card.locator(".curve .main-svg").count() > 0
    page.locator("input[value='122']").check()
    assert "125.0 % of the limit ▲ over" in card.inner_text()


def test_the_plot_is_over_the_cost_chosen(reader):
    page = reader.open()
    page.locator("#explorer-axis").select_option("peak_sram_bytes")
    assert page.locator(".plot").evaluate("e => e.layout.xaxis.title.text") == "peak SRAM (KiB)"
    assert page.locator(".plot").evaluate("e => Array.from(e.data[2].x)") == [
        (20000 - 4) / 1024,
        (20000 - 1) / 1024,
    ]


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_tables_are_sorted_by_value_with_nothing_last(reader, by):
    page = reader.open()
    for place, ascending, descending in (
        (3, ["0.90", "2.50", "10.00", ""], ["10.00", "2.50", "0.90", ""]),
        (1, ["1e3", "3f", "9", "20"], ["20", "9", "3f", "1e3"]),
        (4, ["-25.0 %", "+0.0 %", "+50.0 %", ""], ["+50.0 %", "+0.0 %", "-25.0 %", ""]),
    ):
        head = page.locator(f'[data-name="front"] th:nth-child({place})')
        for direction, expected in (("ascending", ascending), ("descending", descending)):
            if by == "mouse":
                head.locator("button").click()
            else:
                head.locator("button").focus()
                page.keyboard.press("Enter")
            assert head.get_attribute("aria-sort") == direction
            assert column(page, "front", place) == expected
    assert page.locator('[data-name="front"] th[aria-sort]').count() == 1


def saved(download: Download) -> str:
    return Path(download.path()).read_bytes().decode()


def test_a_table_is_downloaded_with_its_raw_values(reader, contents):
    page = reader.open()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download CSV: The front").click()
    assert waiting.value.suggested_filename == "front.csv"
    text = saved(waiting.value)
    table: Table = contents.tables["front"]
    rows = [["" if value is None else str(value) for value in row] for row in table.rows]
    rows[1][1] = "'=1+1"  # no spreadsheet may take it for a formula; -5 is a number
    assert list(csv.reader(io.StringIO(text, newline=""), strict=True)) == [
        [c.key for c in table.columns],
        *rows,
    ]
    assert text.count("\r\n") == len(rows) + 1 and '"said ""so"", twice"' in text


def colours(page: Page) -> tuple[str, str, str]:
    """Of the paper, of the text, and of the text in a figure."""
    body = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    return *body, page.locator('[data-figure="accuracy"] .xtick text').first.evaluate(
        "e => getComputedStyle(e).fill"
    )


def test_dark_follows_the_system_and_figures_follow_too(reader):
    page = reader.open(color_scheme="light")
    see_all(page)
    light = colours(page)
    page.emulate_media(color_scheme="dark")
    expect(page.locator("#theme")).to_have_text("Light colours")
    assert colours(page) == ("rgb(22, 24, 27)", "rgb(232, 233, 235)", "rgb(232, 233, 235)")
    assert not set(colours(page)) & set(light)
    assert page.locator(".curve").evaluate("e => e.data[0].line.color") == "rgb(86, 180, 233)"


def test_the_button_turns_colours_over_and_is_remembered(reader):
    page = reader.open(color_scheme="light")
    see_all(page)
    light = colours(page)
    page.get_by_role("button", name="Dark colours").click()
    dark = colours(page)
    assert not set(dark) & set(light)
    page.reload()
    page.wait_for_selector("html[data-ready]")
    see_all(page)
    assert colours(page) == dark
    page.get_by_role("button", name="Light colours").click()
    assert colours(page) == light


def test_without_storage_the_button_still_works(reader):
    refuse = (
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', "
        "'SecurityError'); } })"
    )
    page = reader.open(before=refuse, color_scheme="light")
    page.get_by_role("button", name="Dark colours").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 27)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_told_from_its_ground(reader, scheme):
    page = reader.open(color_scheme=scheme)
    assert page.evaluate(FAINT) == []


def test_it_fits_a_phone(reader):
    page = reader.open(viewport=PHONE)
    see_all(page)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert page.locator('[data-name="front"] .scroll').evaluate(
        "e => e.scrollWidth > e.clientWidth"
    )
    outside = (
        "[...document.querySelectorAll('#explorer *')].filter(e => "
        "e.getBoundingClientRect().right > innerWidth).length"
    )
    assert page.evaluate(outside) == 0
    assert (
        page.locator(".choices span").evaluate_all(
            "spans => spans.filter(e => e.scrollWidth > e.clientWidth).length"
        )
        == 0
    )
    contents = page.locator(".contents details")
    assert not contents.evaluate("e => e.open")
    contents.locator("summary").click()
    contents.get_by_role("link", name="The rest").click()
    assert page.url.endswith("#the-rest")


def test_text_of_a_model_is_shown_and_does_not_run(reader, planted):
    page = reader.open()
    assert page.evaluate("window.wasRun") is None
    assert page.locator("blockquote").inner_text() == f"Small & early. {planted}"
    assert planted in page.locator(".reason").nth(1).inner_text()
    assert planted in column(page, "front", 2)
    assert page.locator("main img").count() == 0


def test_a_script_that_slipped_in_would_not_run(reader):
    page = reader.open()
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), { textContent: "
        "'window.wasRun = true' }))"
    )
    assert page.evaluate("window.wasRun") is None
    (refusal,) = reader.complaints
    assert "Content Security Policy" in refusal
    reader.complaints.clear()


def test_text_and_tables_need_no_javascript(browser, reader):
    page = reader.open(ready=False, java_script_enabled=False)
    text = page.locator("main").inner_text()
    for words in (
        "It went well.",
        "To pick networks here needs JavaScript.",
        "Accuracy <over> time\nTo draw it needs JavaScript.",
        "2.50",
    ):
        assert words in text
    assert page.locator("table").count() == 2 and page.locator("button:visible").count() == 0
    page.close()


def test_a_browser_that_cannot_unpack_says_so_and_keeps_the_rest(reader):
    page = reader.open(before="delete window.DecompressionStream")
    for place in page.locator("[data-figure], .plot").all():
        assert "lacks DecompressionStream" in place.inner_text()
    page.locator("input[value='1']").check()
    assert heading(page).startswith("Candidate 1") and page.locator(".diagram li").count() == 3
    page.get_by_role("button", name="Dark colours").click()


def heading_levels(page: Page) -> list[int]:
    return page.evaluate(
        "[...document.querySelectorAll('main :is(h1, h2, h3, h4)')].map(e => Number(e.tagName[1]))"
    )


def in_order(levels: list[int]) -> bool:
    return (
        levels[0] == 1
        and levels.count(1) == 1
        and all(after <= before + 1 for before, after in pairwise(levels))
    )


def test_controls_have_names_and_headings_their_order(reader):
    page = reader.open()
    see_all(page)
    assert page.evaluate(NAMELESS) == []
    assert in_order(heading_levels(page)) and 4 in heading_levels(page)
    assert (
        page.evaluate("document.documentElement.lang") == "en"
        and page.title() == "A run <1> · lmanet"
    )
    ids = page.evaluate("[...document.querySelectorAll('body > * [id]:not(svg *)')].map(e => e.id)")
    assert len(ids) == len(set(ids))


def test_the_keyboard_starts_with_a_way_past_the_contents_and_its_focus_is_seen(reader):
    page = reader.open()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left >= 0")
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_command_and_architecture_are_copied(reader):
    page = reader.open()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy: Architecture").click()
    page.get_by_role("button", name="Copied: Architecture").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == '{"name": "4"}'


def test_a_figure_is_saved_as_a_picture(reader):
    page = reader.open()
    see_all(page)
    figure = page.get_by_role("figure", name="Accuracy <over> time")
    figure.hover()
    with page.expect_download() as waiting:
        figure.get_by_role("button", name="Download plot as a PNG").click()
    assert Path(waiting.value.path()).read_bytes().startswith(b"\x89PNG")


def test_nothing_on_the_page_leads_out_of_it(reader):
    page = reader.open()
    see_all(page)
    assert page.locator(".modebar").count() == 4
    assert page.get_by_role("button", name="Share").count() == 0
    assert (
        page.evaluate(
            "[...document.querySelectorAll('[href], [src], form')].filter(e => "
            "!/^(#|data:)/.test(e.getAttribute('href'))).length"
        )
        == 0
    )
    assert (
        page.evaluate("fetch('https://example.org').then(() => 'sent', () => 'refused')")
        == "refused"
    )
    assert reader.complaints and all(
        "Content Security Policy" in complaint for complaint in reader.complaints
    )
    reader.complaints.clear()


def test_paper_is_white_and_every_figure_is_on_it(reader):
    page = reader.open(color_scheme="dark", viewport={"width": 1280, "height": 200})
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert (
        page.locator("[data-figure]").count()
        == page.locator("[data-figure]:has(.main-svg)").count()
        == 2
    )
    assert colours(page)[:2] == ("rgb(255, 255, 255)", "rgb(26, 27, 28)")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert colours(page)[0] == "rgb(22, 24, 27)"


def test_the_report_of_a_run_is_such_a_page(browser, make_run, pareto, target):
    folder = make_run()
    Report(Setting(pareto, target, 10, load_space("mcu"))).run(RunFolder(folder))
    reader = Reader(browser, folder / "report.html")
    for options in ({"color_scheme": "dark"}, {"viewport": PHONE}):
        page = reader.open(**options)
        see_all(page)
        assert page.locator("[data-figure]").count() > 5 and page.locator("table").count() > 5
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
        assert (
            page.evaluate(NAMELESS) == []
            and page.evaluate(FAINT) == []
            and in_order(heading_levels(page))
        )
    reader.close()
    assert (reader.requests, reader.complaints) == ([], [])
    assert (folder / "report.html").stat().st_size < 5_000_000
