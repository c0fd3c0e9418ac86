"""The tables: money is integers, instants are milliseconds, digests are text, and the migration is what the models say."""

from __future__ import annotations

import importlib

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, models

from tollbook.flow.book import Book
from tollbook.store import apps as store_apps
from tollbook.store import prepare
from tollbook.store.models import fields

ROOMS = (
    "tollbook.store.models.sealed",
    "tollbook.store.models.runs",
    "tollbook.store.models.money",
    "tollbook.store.models.journal",
    "tollbook.store.models.jobs",
)
# The tables the design settled, by their names in the database.
TABLES = {
    *("sealed_file", "batch", "segment", "run", "head", "reference", "deck", "agreement", "partner", "trunk", "known_ids"),
    *("usage_total", "exception", "dispute", "document", "posting", "journal", "lease", "user", "cursor", "setting"),
    *("job", "job_progress", "worker"),
}


def _models() -> list[type[models.Model]]:
    return list(apps.get_app_config("store").get_models())


def test_every_table_is_there(book: Book) -> None:
    assert {model._meta.db_table for model in _models()} >= TABLES
    assert set(connection.introspection.table_names()) >= TABLES
    assert {model.__module__ for model in _models()} >= set(ROOMS)
    assert store_apps.StoreConfig.label == "store"


def test_money_and_instants_are_integers_and_digests_are_text() -> None:
    for model in _models():
        for field in model._meta.fields:
            name = f"{model._meta.db_table}.{field.name}"
            assert not isinstance(field, models.DecimalField | models.FloatField), name
            if field.name.endswith(("_micros", "_ms", "_at")) or field.name in ("effective_from", "effective_until", "known_from", "size"):
                assert isinstance(field, models.BigIntegerField), name
            if isinstance(field, models.DateTimeField):
                raise AssertionError(f"{name}: an instant is milliseconds")
            if field.name == "digest" or field.name.endswith(("_hash", "_digest")):
                assert isinstance(field, models.CharField), name
                assert field.max_length == 64, name


def test_amounts_beyond_any_float_come_back(book: Book) -> None:
    from tollbook.store.models import Document

    amount = 2**63 - 1
    Document.objects.create(series="T", number=1, kind="X", issued_at=amount, content={}, content_digest="a" * 64, total_micros=-amount)
    row = Document.objects.get()
    assert (row.total_micros, row.issued_at) == (-amount, amount)
    assert isinstance(fields.micros(), models.BigIntegerField)


def test_the_migrations_are_what_the_models_say(book: Book) -> None:
    call_command("makemigrations", "store", check=True, dry_run=True, verbosity=0)
    assert prepare.migrate() == []


@pytest.mark.parametrize("room", ROOMS)
def test_every_model_says_what_it_is(room: str) -> None:
    module = importlib.import_module(room)
    for model in (each for each in vars(module).values() if isinstance(each, type) and issubclass(each, models.Model)):
        assert model.__doc__
        assert not model.__doc__.startswith(f"{model.__name__}("), model
