"""What the log-in is told: nobody signs up by themselves; people are invited by the owner."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from tollbook.store.models import User


class InvitedOnly(DefaultAccountAdapter):  # type: ignore[misc]  # the package has no types
    """No open sign-up, and nobody logs in whom the book no longer knows as active."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def pre_login(self, request: HttpRequest, user: Any, **details: Any) -> Any:
        if not User.objects.filter(name=user.get_username(), kind="PERSON", is_active=True).exists():
            return self.respond_user_inactive(request, user)
        return super().pre_login(request, user, **details)
