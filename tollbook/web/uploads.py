"""Files from the browser: streamed to the disk, sealed with their receipt time, and only then read, by a job."""

from __future__ import annotations

import os
import tempfile
from typing import Any, BinaryIO, ClassVar, Final, cast

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from tollbook.core.rights import Right, require
from tollbook.flow import job
from tollbook.flow.collection import right_to_seal, seal_stored
from tollbook.flow.intake import UNKNOWN, WORDS
from tollbook.flow.job_kinds import MOST_FILES, deck_kind, safe_name
from tollbook.store import files
from tollbook.store.models import Batch
from tollbook.web import book
from tollbook.web.jobs import key_of, new_key
from tollbook.web.page import Page, Scope

LIMIT_VARIABLE: Final = "TOLLBOOK_UPLOAD_LIMIT_MB"
LIMIT_MB: Final = 2_048
KIND_LABELS: Final = {
    "": "their content says",
    "cdr": "records of calls",
    "deck": "a rate deck",
    "agreement": "an agreement",
    "invoice": "the head of a supplier's invoice",
    "invoice-lines": "the lines of a supplier's invoice",
    "source": "the profile of a source",
    "deck-profile": "the profile of a deck",
    "party": "a party to invoices",
    "zone": "a time zone",
}


def limit_bytes() -> int:
    """What one sending may be in all."""
    text = os.environ.get(LIMIT_VARIABLE, "")
    return (int(text) if text.isdigit() else LIMIT_MB) << 20


class ToSpool(FileUploadHandler):
    """Writes each file into the book's own spool folder while it comes, beyond the limit nothing more of it; nothing is kept in memory.
    What an interrupted sending leaves there is swept by `tollbook check --repair`."""

    def __init__(self, request: HttpRequest, limit: int) -> None:
        super().__init__(request)
        self._left = limit
        self.is_over = False

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        spool = book.folder() / files.SPOOL_FOLDER
        files.make_folder(spool)
        self._stream = tempfile.NamedTemporaryFile(dir=spool, prefix="upload-")  # noqa: SIM115 - closed with the request

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._left -= len(raw_data)
        if self._left < 0:
            self.is_over = True
            self._stream.close()
            raise SkipFile
        self._stream.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile[bytes]:
        self._stream.seek(0)
        return UploadedFile(self._stream, self.file_name, self.content_type, file_size)


class IngestForm(forms.Form):
    """What came besides the files."""

    source = forms.CharField(
        required=False,
        max_length=100,
        help_text="Of records of calls. Empty: their columns say which source they come from.",
        widget=forms.TextInput(attrs={"list": "sources", "autocomplete": "off"}),
    )
    kind = forms.ChoiceField(label="What they are", required=False, choices=list(KIND_LABELS.items()))

    def clean_source(self) -> str:
        given = str(self.cleaned_data["source"]).strip()
        if not given.isprintable() or "/" in given or "\\" in given or given.endswith(".toml"):
            raise forms.ValidationError("A source has a plain name, as the list of sources shows it.")
        return given


@method_decorator(csrf_exempt, name="dispatch")
class Ingest(Page):
    """Several files at once. The form's token is checked as everywhere, but after the right: nobody else's bytes reach the disk."""

    right, scope = Right.INGEST, Scope.OPERATOR
    template, title = "web/ingest.html", "Ingest files"
    lead = "The bytes are sealed with the time they came before anything reads them. The same file twice adds nothing."
    job_kind = "INGEST"

    form: ClassVar[type[forms.Form]] = IngestForm

    def crumbs(self) -> list[tuple[str, str]]:
        return [("Sources", reverse("sources"))]

    def context(self) -> dict[str, Any]:
        sources = Batch.objects.order_by("source").values_list("source", flat=True).distinct()
        return {"form": self.form(), "key": new_key(), "sources": sources, "limit_mb": limit_bytes() >> 20, "most": MOST_FILES}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        limit = limit_bytes()
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdigit() or int(length) > limit + (1 << 20):
            return self._again(
                413, f"All files together may have {limit >> 20:,} MB. Send fewer at a time, or put them into a folder of book.toml."
            )
        self._handler = ToSpool(request, limit)
        request.upload_handlers = [self._handler]
        answer: HttpResponseBase = csrf_protect(self._received)(request)
        return answer

    def _again(self, status: int, error: str, form: forms.Form | None = None) -> HttpResponseBase:
        context = self.context()
        return self.show(status=status, **{**context, "form": form or context["form"], "error": error})

    def _received(self, request: HttpRequest) -> HttpResponseBase:
        form, given = self.form(request.POST), request.FILES.getlist("files")
        if self._handler.is_over:
            return self._again(413, f"All files together may have {limit_bytes() >> 20:,} MB.")
        if not form.is_valid():
            return self._again(422, "", form)
        if not given or len(given) > MOST_FILES:
            return self._again(422, f"Choose at least one file, and at most {MOST_FILES}.", form)
        sealed = [self._sealed(each, self.kind_of(form, safe_name(each.name or ""))) for each in given]
        parameters = {"files": sealed, **self.asked(form)}
        return redirect("job", pk=job.start(self.job_kind, parameters, actor=self.viewer, idempotency_key=key_of(request)).id)

    def kind_of(self, form: forms.Form, name: str) -> str:
        """What a file is sealed as."""
        return WORDS.get(form.cleaned_data["kind"], "") or UNKNOWN

    def asked(self, form: forms.Form) -> dict[str, str]:
        """What the job is told besides the files."""
        return {"source": form.cleaned_data["source"], "as": form.cleaned_data["kind"]}

    def _sealed(self, upload: UploadedFile[bytes], kind: str) -> dict[str, str]:
        right = right_to_seal(kind)
        require(self.viewer, right)
        name = safe_name(upload.name or "")
        stored = files.put(book.folder(), cast(BinaryIO, upload.file), name)
        seal_stored(stored, name=name, kind=kind, actor=self.viewer, right=right)
        return {"digest": stored.digest, "name": name}


class SendDecks(Ingest):
    """Decks and their profiles alone, for whoever keeps prices and brings in no records."""

    right, scope = Right.WRITE_DECKS, Scope.OPERATOR
    template, title = "web/send_decks.html", "Send decks"
    lead = (
        "Each sheet is sealed with the time it came, and becomes a version of its deck. A version is never changed, a later one follows it."
    )
    job_kind = "DECKS"
    form = forms.Form

    def crumbs(self) -> list[tuple[str, str]]:
        return [("Decks", reverse("decks"))]

    def context(self) -> dict[str, Any]:
        return {"form": self.form(), "key": new_key(), "limit_mb": limit_bytes() >> 20, "most": MOST_FILES}

    def kind_of(self, form: forms.Form, name: str) -> str:
        return deck_kind(name)

    def asked(self, form: forms.Form) -> dict[str, str]:
        return {}
