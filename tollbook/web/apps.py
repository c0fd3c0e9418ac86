"""The Django app of the pages: templates, static files and template tags; it has no tables."""

from __future__ import annotations

from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "tollbook.web"
    label = "web"
