"""Tokens of the API: the list, a new one, which is shown once, and one with its rights and the way to revoke it."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables

from tollbook.core.problem import Refusal
from tollbook.core.rights import Right, Role
from tollbook.flow import clock, token
from tollbook.store.models import Partner, User
from tollbook.web import words
from tollbook.web.listing import ListPage
from tollbook.web.page import Page, Scope
from tollbook.web.table import Column, Kind, QueryRows, choices
from tollbook.web.users import ABOUT
from tollbook.web.words import human

DAY_MS: Final = 86_400_000
LASTS: Final = (("30", "30 days"), ("90", "90 days"), ("365", "a year"), ("731", "two years"))
READS, ALL, CHOSEN = "reads", "all", "chosen"
WIDTHS: Final = (
    (READS, "Read what the role may read, change nothing"),
    (ALL, "Everything the role may do"),
    (CHOSEN, "Only the rights chosen below"),
)
FIELD_OF: Final = {"TOKEN_NAME": "name", "TOKEN_PARTNER": "partner", "TOKEN_EXPIRY": "days", "TOKEN_SCOPE": "rights"}


def right_words(right: Right) -> str:
    """A right for people."""
    return words.right(str(right))


class TokenForm(forms.Form):
    """What the token is called, what it may do, and how long."""

    name = forms.CharField(
        label="Name", max_length=100, help_text="What uses it, for instance erp-export: lower-case letters, digits and . _ @ -."
    )
    role = forms.ChoiceField(
        choices=[(role, f"{human(str(role)).capitalize()}: {about}") for role, about in ABOUT.items()], initial=Role.AUDITOR
    )
    width = forms.ChoiceField(label="Of what the role may do", choices=WIDTHS)
    rights = forms.MultipleChoiceField(
        label="Rights", required=False, choices=[(right, right_words(right)) for right in Right], widget=forms.CheckboxSelectMultiple
    )
    partner = forms.ChoiceField(required=False, help_text="Needed for the role partner; with any other it shuts everything else out.")
    days = forms.ChoiceField(label="Good for", choices=LASTS, initial="90")
    reason = forms.CharField(label="Why", max_length=500, required=False, help_text="Stands in the journal.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["partner"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "none"), *((each.id, each.name or each.id) for each in Partner.objects.order_by("id"))]

    def scope(self) -> list[Right]:
        """The rights that were chosen, for the role that was chosen."""
        given, role = self.cleaned_data, Role(self.cleaned_data["role"])
        if given["width"] == CHOSEN:
            return [Right(each) for each in given["rights"]]
        return token.rights_of(role) if given["width"] == ALL else token.default_scope(role)


class Tokens(ListPage):
    """Every token, without its secret."""

    right, scope = Right.READ_USERS, Scope.OPERATOR
    template, title = "web/tokens.html", "Tokens"
    lead = "Programs come in by tokens. Each has a role and no more of its rights than it needs, and ends by itself."
    sort = "name"
    empty_heading = "No token yet"
    empty_advice = "Make one for every program that uses the API, so that each can be revoked by itself."
    empty_icon = "key"
    columns = (
        Column("name", "Name", filter="text", link=lambda row: reverse("token", args=[row["name"]])),
        Column("role", "Role", Kind.WORD, filter="choice", options=choices(*(str(role) for role in Role))),
        Column("partner", "Partner", field="partner_id", is_optional=True),
        Column("is_active", "In force", Kind.BADGE),
        Column("expires_at", "Until (UTC)", Kind.INSTANT),
        Column("last_used_at", "Last used (UTC)", Kind.INSTANT, is_roomy=True),
        Column("created_at", "Made (UTC)", Kind.INSTANT, is_optional=True),
        Column("created_by", "By", is_optional=True),
        Column("token_hint", "Ends with", Kind.CODE, sorts=False, is_optional=True),
    )

    def rows(self) -> QueryRows:
        return QueryRows(User.objects.filter(kind="TOKEN"))

    def crumbs(self) -> list[tuple[str, str]]:
        return [("Users", reverse("users"))]

    def context(self) -> dict[str, Any]:
        return {"may_manage": self.may(Right.MANAGE_USERS)}


class NewToken(Page):
    """The owner makes a token; the page shows it, once."""

    right, scope = Right.MANAGE_USERS, Scope.OPERATOR
    template, title = "web/new_token.html", "Make a token"

    def crumbs(self) -> list[tuple[str, str]]:
        return [("Users", reverse("users")), ("Tokens", reverse("tokens"))]

    def context(self) -> dict[str, Any]:
        return {"form": TokenForm()}

    @sensitive_variables("made")
    def post(self, request: HttpRequest) -> HttpResponseBase:
        form = TokenForm(request.POST)
        if not form.is_valid():
            return self.show(status=422, form=form)
        given = form.cleaned_data
        try:
            made = token.create(
                self.viewer,
                given["name"].strip(),
                Role(given["role"]),
                form.scope(),
                expires_at=clock.now_ms() + int(given["days"]) * DAY_MS,
                partner=given["partner"] or None,
                reason=given["reason"],
            )
        except Refusal as refusal:
            for each in refusal.problems:
                form.add_error(FIELD_OF.get(each.code), f"{each.reason} {each.remedy}")
            return self.show(status=422, form=form)
        return self.show(form=form, row=made.row, secret=made.secret, address=request.build_absolute_uri("/api/v1/me"))


class OneToken(Page):
    """One token: its rights in words, its use, and the way to revoke it."""

    right, scope = Right.READ_USERS, Scope.OPERATOR
    template = "web/token.html"

    def crumbs(self) -> list[tuple[str, str]]:
        return [("Users", reverse("users")), ("Tokens", reverse("tokens"))]

    def _row(self) -> User:
        found = User.objects.select_related("partner").filter(name=self.kwargs["name"], kind="TOKEN").first()
        if found is None:
            raise Http404
        return found

    def context(self) -> dict[str, Any]:
        row = self._row()
        has = set(row.scope)
        return {
            "title": row.name,
            "row": row,
            "is_over": row.expires_at is not None and row.expires_at <= clock.now_ms(),
            "rights": [(right_words(right), str(right) in has) for right in token.rights_of(Role(row.role))],
            "may_manage": self.may(Right.MANAGE_USERS) and row.is_active,
        }

    def post(self, request: HttpRequest, name: str) -> HttpResponseBase:
        row = self._row()
        if not self.may(Right.MANAGE_USERS) or request.POST.get("step") != "revoke":
            return self.show(status=403, **self.context())
        token.revoke(self.viewer, row.name)
        messages.success(request, f"{row.name} opens nothing any more.")
        return redirect("token", name=row.name)
