"""The cells of a table as HTML. Built here rather than in the template: fifty rows of a template cost ten times as much."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.utils.html import conditional_escape, escape, format_html
from django.utils.safestring import SafeString, mark_safe

from tollbook.core.money import format_scaled
from tollbook.web import words
from tollbook.web.table.columns import Column, Kind, Row
from tollbook.web.templatetags import tollbook as tags

ABSENT = mark_safe('<span class="muted">–</span>')


LEAST_DECIMALS = 4


def _rate(value: int, decimals: int = LEAST_DECIMALS) -> SafeString:
    return format_html('<span class="figure">{}</span>', format_scaled(value, 9, decimals).replace("-", "−"))


def _decimals(column: Column, rows: Iterable[Row]) -> int:
    """As many decimals as the finest rate of the page has, so that the points stand below each other."""
    finest = (len(format_scaled(int(row[column.name]), 9).partition(".")[2]) for row in rows if row.get(column.name) is not None)
    return max(LEAST_DECIMALS, max(finest, default=LEAST_DECIMALS))


_SHOWN: dict[Kind, Callable[[Any], str]] = {
    Kind.COUNT: lambda value: f"{value:,}",
    Kind.MINUTES: words.minutes,
    Kind.SECONDS: lambda value: f"{value:,}\u00a0s",
    Kind.SHARE: lambda value: f"{words.share(value)}\u00a0%",
    Kind.LENGTH: lambda value: f"{words.length(value)}\u00a0s",
    Kind.INSTANT: tags.instant,
    Kind.DAY: lambda value: format_html('<span class="nowrap tabular">{}</span>', value),
    Kind.DIGEST: tags.digest,
    Kind.LABEL: lambda value: format_html('<span class="nowrap">{}</span>', value),
    Kind.CODE: lambda value: format_html("<code>{}</code>", value),
    Kind.CLASS: lambda value: tags.class_label(str(value)),
    Kind.BADGE: tags.badge,
    Kind.ACTION: lambda value: words.action(str(value)),
    Kind.SCOPE: lambda value: words.dates(words.compared(str(value))),
    Kind.SUBJECT: lambda value: words.dates(words.subject(str(value))),
}


def cell(column: Column, row: Row, decimals: int = LEAST_DECIMALS) -> str:
    """The content of one cell; everything that came from outside is escaped. `decimals` are those of a rate."""
    value = row.get(column.name)
    if value is None or value == "":
        return ABSENT
    if column.kind is Kind.MONEY:
        return tags.money(value, str(row.get(column.currency) or "") if column.currency else "")
    if column.kind is Kind.DECIMAL:
        return tags.decimal(value, str(row.get(column.currency) or "") if column.currency else "")
    if column.kind is Kind.RATE:
        return _rate(int(value), decimals)
    if column.kind is Kind.WORD:
        # By the words of its filter, where it has one.
        return conditional_escape(dict(column.options).get(str(value)) or words.human(str(value)))
    if column.kind is Kind.INSTANT and column.has_seconds:
        return conditional_escape(tags.moment(value))
    shown = _SHOWN.get(column.kind)
    return conditional_escape(shown(value)) if shown else words.dates(value if isinstance(value, str) else str(value))


def body(columns: Sequence[Column], rows: Iterable[Row]) -> SafeString:
    """All rows. The first link of a row is the one the keyboard goes along."""
    heads = [f'<td class="{each.style}">' for each in columns]
    rows = list(rows)
    decimals = {each.name: _decimals(each, rows) for each in columns if each.kind is Kind.RATE}
    lines = []
    for row in rows:
        cells, is_first = [], True
        for head, column in zip(heads, columns, strict=True):
            content = cell(column, row, decimals.get(column.name, LEAST_DECIMALS))
            # Not every row of a column leads somewhere, and not everybody may go there.
            if column.link and content is not ABSENT and (address := column.link(row)):
                style = ' class="row-link"' if is_first else ""
                content = f'<a{style} href="{escape(address)}" hx-boost="false">{content}</a>'
                is_first = False
            cells.append(f"{head}{content}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return mark_safe("\n".join(lines))  # noqa: S308 - every part went through escape
