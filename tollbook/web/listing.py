"""A page that is a table: it names its rows and columns, and what to do first where there is nothing yet."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponseBase

from tollbook.core.rights import Role
from tollbook.web.page import Page
from tollbook.web.table import Column, Table
from tollbook.web.table.columns import with_names
from tollbook.web.table.table import Rows


class ListPage(Page):
    """`columns` and `rows` make the table; `empty_*` is what a page without any row says, `empty_for_partner` to a partner."""

    template = "web/list.html"
    columns: ClassVar[tuple[Column, ...]] = ()
    sort: ClassVar[str] = ""
    lead: ClassVar[str] = ""
    empty_heading: ClassVar[str] = "Nothing here yet"
    empty_advice: ClassVar[str] = ""
    empty_for_partner: ClassVar[str] = ""
    empty_command: ClassVar[str] = ""
    empty_icon: ClassVar[str] = "zoom-question"

    @property
    def advice(self) -> str:
        """What an empty page says to who looks at it."""
        return self.empty_for_partner if self.viewer.role is Role.PARTNER and self.empty_for_partner else self.empty_advice

    def rows(self) -> Rows:
        raise TypeError(f"{type(self).__name__} has no rows")

    def shown_columns(self) -> tuple[Column, ...]:
        """The columns for this viewer."""
        return with_names(self.columns)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        table = Table(request, self.rows(), self.shown_columns(), sort=self.sort, label=self.title)
        return table.export() or self.show(table=table, **self.context())
