"""The base of every page: it names the right it needs and whose things it shows, or it cannot be served at all."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar, TypeVar

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views import View

from tollbook.core.rights import Actor, Right, Role, allowed
from tollbook.store.models import User
from tollbook.web.words import right as right_words

Row = TypeVar("Row", bound=Model)


class Scope(StrEnum):
    """Whose things a page shows."""

    OPERATOR = "operator"  # the whole book: no partner's user ever sees it
    OWN = "own"  # a partner's user sees its own partner's things, everybody else all of them
    PERSON = "person"  # the viewer's own account or home: everybody who is logged in


def viewer_of(request: HttpRequest) -> Actor | None:
    """Who looks: the book's active user of the name that is logged in. Read once per request."""
    if not hasattr(request, "_viewer"):
        request._viewer = _read_viewer(request)  # type: ignore[attr-defined]
    viewer: Actor | None = request._viewer  # type: ignore[attr-defined]
    return viewer


def _read_viewer(request: HttpRequest) -> Actor | None:
    account = getattr(request, "user", None)
    if account is None or not account.is_authenticated:
        return None
    row = User.objects.filter(name=account.get_username(), kind="PERSON", is_active=True).first()
    return Actor(row.name, Role(row.role), row.partner_id) if row else None


def may_see(viewer: Actor, right: Right | None, scope: Scope) -> bool:
    """Whether a page of this right and scope exists for the viewer; what it shows of a partner is a second question."""
    if scope is Scope.PERSON:
        return True
    if right is None:
        return False
    if viewer.role is Role.PARTNER or viewer.partner is not None:
        return scope is Scope.OWN and allowed(viewer, right, viewer.partner)
    return allowed(viewer, right)


class Page(View):
    """A page. `right` and `scope` are declared by every concrete class; the tests walk all addresses and fail on one without them.

    Nobody logged in is sent to the log-in; somebody without the right gets 403; things of another partner do not exist (404).
    """

    right: ClassVar[Right | None] = None
    scope: ClassVar[Scope | None] = None
    template: ClassVar[str] = ""
    title: ClassVar[str] = ""
    http_method_names = ["get", "head", "post"]  # noqa: RUF012 - as Django types it
    viewer: Actor

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if self.scope is None or (self.right is None and self.scope is not Scope.PERSON):
            raise ImproperlyConfigured(f"{type(self).__name__} declares no right or no scope")
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        viewer = viewer_of(request)
        if viewer is None:
            return render(request, "web/no_user.html", status=403)
        if not may_see(viewer, self.right, self.scope):
            return render(request, "web/forbidden.html", {"right": right_words(str(self.right)), "role": viewer.role}, status=403)
        if (way := self._second_factor(request)) is not None:
            return way
        self.viewer = viewer
        return super().dispatch(request, *args, **kwargs)

    def _second_factor(self, request: HttpRequest) -> HttpResponse | None:
        from allauth.mfa.utils import is_mfa_enabled
        from django.conf import settings

        if getattr(settings, "REQUIRE_SECOND_FACTOR", False) and not is_mfa_enabled(request.user):
            return redirect("mfa_index")
        return None

    def may(self, right: Right, partner: str | None = None) -> bool:
        """Whether the viewer has another right, for the parts and buttons of a page."""
        return allowed(self.viewer, right, partner or self.viewer.partner)

    def own(self, rows: QuerySet[Row], partner: str = "partner_id") -> QuerySet[Row]:
        """The rows a viewer may see: a partner's user only those of its partner."""
        if self.viewer.partner is not None:
            return rows.filter(**{partner: self.viewer.partner})
        if self.viewer.role is Role.PARTNER:
            return rows.none()
        return rows

    def one(self, rows: QuerySet[Row], partner: str = "partner_id", **key: Any) -> Row:
        """One row the viewer may see; 404 alike for what is not there and for what is another partner's."""
        found = self.own(rows, partner).filter(**key).first()
        if found is None:
            raise Http404
        return found

    def context(self) -> dict[str, Any]:
        """What the template is given; concrete pages say it. `tables` are the page's tables by name."""
        return {}

    def crumbs(self) -> list[tuple[str, str]]:
        """The way here, (label, address) from the top; the page itself is not among it."""
        return []

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        context = self.context()
        return self.file(context) or self.show(**context)

    @staticmethod
    def file(context: dict[str, Any]) -> HttpResponseBase | None:
        """The file of one of the page's tables, where the address asks for one."""
        return next((file for table in context.get("tables", {}).values() if (file := table.export()) is not None), None)

    def show(self, status: int = 200, **context: Any) -> HttpResponse:
        filled = {"title": self.title, "crumbs": self.crumbs(), "page": self, **context}
        return render(self.request, self.template, filled, status=status)
