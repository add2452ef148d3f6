"""A table of the report -> HTML that reads well as it is; the page's script makes it sortable and
downloadable.
"""

from html import escape

from lmanet.explain.tables.table import Column, Table, Value, shown


def table_html(table: Table) -> str:
    """A table in a box of its own, so that on a narrow screen it scrolls and the page does not."""
    name, title = escape(table.name, quote=True), escape(table.title, quote=True)
    head = "".join(_head(column) for column in table.columns)
    body = "\n".join(f"<tr>{''.join(map(_cell, row, table.columns))}</tr>" for row in table.rows)
    return (
        f'<div class="table" data-name="{name}"><div class="scroll" '
        f'tabindex="0" role="region" aria-label="{title}">'
        f"<table><caption>{title}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div></div>\n"
    )


def _head(column: Column) -> str:
    title = escape(column.title.replace("`", ""))
    return (
        f'<th scope="col"{_number(column)} data-key="{escape(column.key, quote=True)}">{title}</th>'
    )


def _number(column: Column) -> str:
    return ' class="number"' if column.is_number else ""


def _cell(value: Value, column: Column) -> str:
    """With the raw value beside what is shown, where that differs."""
    text = escape(shown(value, column.form))
    raw = (
        ""
        if value is None or isinstance(value, str)
        else f' data-value="{str(value).lower() if isinstance(value, bool) else value!r}"'
    )
    cell = f"<code>{text}</code>" if column.form == "code" and text else text
    return f"<td{_number(column)}{raw}>{cell}</td>"
