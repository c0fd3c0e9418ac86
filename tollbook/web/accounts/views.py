"""Set-up of the first owner and the acceptance of invitations: the only two pages that make a password."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import login, password_validation
from django.contrib.auth.models import User as Account
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from tollbook.web.accounts import people

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


class PasswordForm(forms.Form):
    """A new password, twice, by the rules of the settings."""

    name_hint = ""
    password = forms.CharField(
        strip=False,
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 12 characters. Four random words are better than one word with signs.",
    )
    repeated = forms.CharField(
        label="The same again", strip=False, max_length=200, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        password, repeated = given.get("password"), given.get("repeated")
        if password and repeated and password != repeated:
            self.add_error("repeated", "This is not the same password.")
        elif password:
            try:
                password_validation.validate_password(password, Account(username=given.get("name", self.name_hint)))
            except ValidationError as error:
                self.add_error("password", error)
        return given


class OwnerForm(PasswordForm):
    """Name and password of the first owner."""

    name = forms.CharField(
        label="User name",
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True}),
        help_text="Lower-case letters, digits and . _ @ -, for instance your e-mail address.",
    )
    field_order = ("name", "password", "repeated")

    def clean_name(self) -> str:
        name = self.cleaned_data["name"].strip().lower()
        if not people.NAME.fullmatch(name):
            raise ValidationError("Use 2 to 100 lower-case letters, digits and . _ @ -, beginning with a letter or digit.")
        return str(name)


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class SetUp(View):
    """Makes the owner of a book that has no people. The address carries a token printed by `tollbook serve`; it works once."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        if not people.is_setup_token(token):
            return render(request, "web/link_spent.html", {"what": "set-up"}, status=404)
        return render(request, "web/set_up.html", {"form": OwnerForm()})

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        if not people.is_setup_token(token):
            return render(request, "web/link_spent.html", {"what": "set-up"}, status=404)
        form = OwnerForm(request.POST)
        if not form.is_valid():
            return render(request, "web/set_up.html", {"form": form}, status=422)
        account = people.create_owner(form.cleaned_data["name"], form.cleaned_data["password"])
        login(request, account, backend=BACKEND)
        return redirect("mfa_index")


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class AcceptInvitation(View):
    """Somebody who was invited sets a password, once."""

    def get(self, request: HttpRequest, uid: str, token: str) -> HttpResponse:
        account = people.invited(uid, token)
        if account is None:
            return render(request, "web/link_spent.html", {"what": "invitation"}, status=404)
        return render(request, "web/invitation.html", {"form": PasswordForm(), "name": account.get_username()})

    def post(self, request: HttpRequest, uid: str, token: str) -> HttpResponse:
        account = people.invited(uid, token)
        if account is None:
            return render(request, "web/link_spent.html", {"what": "invitation"}, status=404)
        form = PasswordForm(request.POST)
        form.name_hint = account.get_username()
        if not form.is_valid():
            return render(request, "web/invitation.html", {"form": form, "name": account.get_username()}, status=422)
        account.set_password(form.cleaned_data["password"])
        account.save()
        login(request, account, backend=BACKEND)
        return redirect("mfa_index")
