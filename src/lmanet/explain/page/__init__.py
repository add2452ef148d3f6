"""The report as one page that needs no network."""

from lmanet.explain.page.page import Contents, render_page

__all__ = ["Contents", "render_page"]
