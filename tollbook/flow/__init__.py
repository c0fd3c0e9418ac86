"""The stages of a book. Importing this package starts Django, so the stateless commands never do."""

from tollbook.store.prepare import prepare_django

prepare_django()
