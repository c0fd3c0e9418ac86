"""The one Django app of a book."""

from __future__ import annotations

from django.apps import AppConfig


class StoreConfig(AppConfig):
    """All tables of a book, under the label `store`."""

    name = "tollbook.store"
    label = "store"
    default_auto_field = "django.db.models.BigAutoField"
