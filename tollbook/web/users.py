"""Users: who may do what. The owner invites, and takes rights away; everybody else with the right to read may look."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User as Account
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from tollbook.core.problem import Refusal
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


FIELD_OF = {"USER_NAME": "name", "USER_ROLE": "role", "USER_PARTNER": "partner", "USER_LAST_OWNER": "role"}
# What the owner may do with a person, and what is said when it is done.
STEPS = {
    "activate": "may log in again",
    "deactivate": "may no longer log in",
    "invite-again": "has a new invitation",
    "role": "has the new role",
}


class RoleForm(forms.Form):
    """Which role, and whose."""

    role = forms.ChoiceField(choices=[(role, f"{human(str(role)).capitalize()}: {about}") for role, about in ABOUT.items()])
    partner = forms.ChoiceField(required=False, help_text="Only for the role partner: whose documents and disputes.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["partner"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "none"), *((each.id, each.name or each.id) for each in Partner.objects.order_by("id"))]

    def chosen(self) -> tuple[Role, str | None]:
        """What was chosen, of a valid form."""
        return Role(self.cleaned_data["role"]), self.cleaned_data["partner"] or None

    def refuse(self, refusal: Refusal) -> None:
        """Says at the field what the command did not accept."""
        for each in refusal.problems:
            field = FIELD_OF.get(each.code)
            self.add_error(field if field in self.fields else None, f"{each.reason} {each.remedy}")


class InvitationForm(RoleForm):
    """Whom to invite as what."""

    name = forms.CharField(
        label="User name", max_length=100, help_text="Lower-case letters, digits and . _ @ -, for instance the e-mail address."
    )
    field_order = ("name", "role", "partner")

    def clean_name(self) -> str:
        return str(self.cleaned_data["name"]).strip().lower()


def invitation_address(request: HttpRequest, account: Account) -> str:
    """The address to hand over."""
    uid, token = people.invitation_of(account).split("/", 1)
    return request.build_absolute_uri(reverse("invitation", args=[uid, token]))


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
        try:
            account = people.invite(self.viewer, form.cleaned_data["name"], *form.chosen())
        except Refusal as refusal:
            form.refuse(refusal)
            return self.show(status=422, form=form)
        return self.show(form=form, name=account.username, address=invitation_address(request, account))


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
        return {
            "title": row.name,
            "row": row,
            "has_password": has_password(row.name),
            "rights": [(right_words(str(right)), right in rights) for right in Right],
            "may_manage": self.may(Right.MANAGE_USERS) and row.name != self.viewer.name,
            "form": RoleForm(initial={"role": row.role, "partner": row.partner_id or ""}),
        }

    def post(self, request: HttpRequest, name: str) -> HttpResponseBase:
        row, step = self._row(), request.POST.get("step")
        if not self.may(Right.MANAGE_USERS) or row.name == self.viewer.name or step not in STEPS:
            return self.show(status=403, **self.context())
        form = RoleForm(request.POST) if step == "role" else None
        if form is not None and not form.is_valid():
            return self.show(status=422, **{**self.context(), "form": form})
        try:
            if step == "invite-again":
                address = invitation_address(request, people.invite_again(self.viewer, row.name))
                return self.show(**self.context(), name=row.name, address=address)
            if form is not None:
                people.change_role(self.viewer, row.name, *form.chosen())
            else:
                people.change(self.viewer, row.name, is_active=step == "activate")
        except Refusal as refusal:
            if form is not None:
                form.refuse(refusal)
            return self.show(status=422, **{**self.context(), **({"form": form} if form else {"problems": refusal.problems})})
        messages.success(request, f"{row.name} {STEPS[str(step)]}.")
        return redirect("user", name=row.name)


def has_password(name: str) -> bool:
    """Whether somebody has set a password, by an invitation."""
    account = Account.objects.filter(username=name).first()
    return account is not None and account.has_usable_password()
