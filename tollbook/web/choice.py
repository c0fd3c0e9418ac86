"""A table whose rows are chosen with check boxes, for what is done to many of them at once. The boxes belong to a form by its id, so the
table's own filter form stays beside it, and without a script they work all the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString

from tollbook.web.table import Column, QueryRows
from tollbook.web.table.columns import Row

CHOOSE = "choose"


def choose_column(field: str, form: str) -> Column:
    """The column of boxes; the one in its head checks all of a page."""
    head = format_html('<input class="form-check-input" type="checkbox" data-check-all="{}" aria-label="Choose all of this page">', field)
    return Column(CHOOSE, head, sorts=False)


def box(field: str, form: str, value: str, label: str) -> SafeString:
    """One box."""
    return format_html(
        '<input class="form-check-input" type="checkbox" name="{}" value="{}" form="{}" aria-label="Choose {}">', field, value, form, label
    )


class ChoiceRows(QueryRows):
    """Rows with a box each. `boxed` makes the box of a row; an export asks for the rows without it."""

    def __init__(self, rows: QueryRows, boxed: Callable[[Row], SafeString]) -> None:
        self._of, self._boxed = rows, boxed

    def page(
        self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, offset: int, limit: int
    ) -> tuple[list[Row], int]:
        rows, total = self._of.page([each for each in columns if each.name != CHOOSE], filters, sort, offset, limit)
        return [{**row, CHOOSE: self._boxed(row)} for row in rows], total
