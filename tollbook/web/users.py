"""Users: who may do what. The owner invites, and takes rights away; everybody else with the right to read may look."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User as Account
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from tollbook.core.rights import RIGHTS, Right, Role
from tollbook.store.models import Partner, User
from tollbook.web.accounts import people
from tollbook.web.listing import ListPage
from tollbook.web.page import Page, Scope
from tollbook.web.table import Column, Kind, QueryRows, choices
from tollbook.web.words import human
from tollbook.web.words import right as right_words

ABOUT = {
    Role.OWNER: "everything, and invites the others",
    Role.BILLING: "rates, closes, disputes, issues documents",
    Role.NOC: "sources and calls, no prices; blocks accounts",
    Role.ROUTES: "decks and margins, no documents",
    Role.CFO: "reads everything but users; signs off",
    Role.AUDITOR: "reads everything, changes nothing",
    Role.PARTNER: "its own documents and disputes only",
}


class InvitationForm(forms.Form):
    """Whom to invite as what."""

    name = forms.CharField(
        label="User name", max_length=100, help_text="Lower-case letters, digits and . _ @ -, for instance the e-mail address."
    )
    role = forms.ChoiceField(choices=[(role, f"{human(str(role)).capitalize()}: {about}") for role, about in ABOUT.items()])
    partner = forms.ChoiceField(required=False, help_text="Only for the role partner: whose documents and disputes.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["partner"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "none"), *((each.id, each.name or each.id) for each in Partner.objects.order_by("id"))]

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"]).strip().lower()
        if not people.NAME.fullmatch(name):
            raise ValidationError("Use 2 to 100 lower-case letters, digits and . _ @ -, beginning with a letter or digit.")
        if User.objects.filter(name=name).exists() or Account.objects.filter(username=name).exists():
            raise ValidationError("There is somebody of this name already.")
        return name

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        is_partner, partner = given.get("role") == Role.PARTNER, given.get("partner")
        if is_partner and not partner:
            self.add_error("partner", "A partner's user needs its partner.")
        if not is_partner and partner:
            self.add_error("partner", "Only the role partner belongs to a partner.")
        return given


class Users(ListPage):
    """Everybody, with role."""

    right, scope = Right.READ_USERS, Scope.OPERATOR
    template, title = "web/users.html", "Users"
    sort = "name"
    columns = (
        Column("name", "Name", filter="text", link=lambda row: reverse("user", args=[row["name"]])),
        Column("role", "Role", Kind.WORD, filter="choice", options=choices(*(str(role) for role in Role))),
        Column("partner", "Partner", field="partner_id", is_optional=True),
        Column("is_active", "May log in", Kind.BADGE),
        Column("created_at", "Since (UTC)", Kind.INSTANT, is_optional=True),
    )

    def rows(self) -> QueryRows:
        return QueryRows(User.objects.filter(kind="PERSON"))

    def context(self) -> dict[str, Any]:
        return {"may_manage": self.may(Right.MANAGE_USERS), "about": [(human(str(role)), text) for role, text in ABOUT.items()]}


class Invite(Page):
    """The owner invites somebody; the page shows the address to hand over, once."""

    right, scope = Right.MANAGE_USERS, Scope.OPERATOR
    template, title = "web/invite.html", "Invite somebody"

    def crumbs(self) -> list[tuple[str, str]]:
        return [("Users", reverse("users"))]

    def context(self) -> dict[str, Any]:
        return {"form": InvitationForm()}

    def post(self, request: HttpRequest) -> HttpResponseBase:
        form = InvitationForm(request.POST)
        if not form.is_valid():
            return self.show(status=422, form=form)
        given = form.cleaned_data
        account = people.invite(self.viewer, given["name"], Role(given["role"]), given["partner"] or None)
        return self.show(form=form, name=given["name"], address=self._address(account))

    def _address(self, account: Account) -> str:
        uid, token = people.invitation_of(account).split("/", 1)
        return self.request.build_absolute_uri(reverse("invitation", args=[uid, token]))


class OneUser(Page):
    """One user: rights in words, and the owner's switches."""

    right, scope = Right.READ_USERS, Scope.OPERATOR
    template = "web/user.html"

    def crumbs(self) -> list[tuple[str, str]]:
        return [("Users", reverse("users"))]

    def _row(self) -> User:
        found = User.objects.select_related("partner").filter(name=self.kwargs["name"], kind="PERSON").first()
        if found is None:
            raise Http404
        return found

    def context(self) -> dict[str, Any]:
        row = self._row()
        rights = RIGHTS[Role(row.role)]
        account = Account.objects.filter(username=row.name).first()
        return {
            "title": row.name,
            "row": row,
            "has_password": account is not None and account.has_usable_password(),
            "rights": [(right_words(str(right)), right in rights) for right in Right],
            "may_manage": self.may(Right.MANAGE_USERS) and row.name != self.viewer.name,
        }

    def post(self, request: HttpRequest, name: str) -> HttpResponseBase:
        row, step = self._row(), request.POST.get("step")
        if not self.may(Right.MANAGE_USERS) or row.name == self.viewer.name or step not in ("activate", "deactivate"):
            return self.show(status=403, **self.context())
        people.change(self.viewer, row.name, is_active=step == "activate")
        messages.success(request, f"{row.name} may {'log in again' if step == 'activate' else 'no longer log in'}.")
        return redirect("user", name=row.name)
