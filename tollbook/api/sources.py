"""Sources, their files, every problem with its record; and files sent in."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Sum
from django.http import Http404, HttpRequest, HttpResponseBase
from ninja import Query, Router, Schema
from pydantic import Field

from tollbook.api import files, listing, repeated
from tollbook.api.fields import Instant
from tollbook.api.listing import Listing
from tollbook.api.models import PlainProblem, instant
from tollbook.api.operation import actor_of, page_for, reads, writes
from tollbook.api.repeated import Answer
from tollbook.api.uploads import BODY, FileKind, FileName, received
from tollbook.core.problem import Refusal
from tollbook.core.rights import Right, require
from tollbook.flow import clock
from tollbook.flow.intake import WORDS, ingest
from tollbook.store.models import Batch, SealedFile
from tollbook.web import book, figures
from tollbook.web.collection import File, problem_rows, span_of
from tollbook.web.collection import Source as SourcePage
from tollbook.web.collection import Sources as SourcesPage
from tollbook.web.downloads import may_have_records
from tollbook.web.listing import ListPage
from tollbook.web.page import Page, Scope
from tollbook.web.table import Column, Kind, MemoryRows, SegmentRows

router = Router(tags=["sources"])
LARGEST_READ_AT_ONCE_BYTES: Final = 256 << 20


class SourceList(ListPage):
    """Every source and how it is."""

    right, scope = SourcesPage.right, SourcesPage.scope
    sort = "source"
    columns = (
        Column("source", "Switch, partner's feed or counter"),
        Column("state", "HEALTHY, WARNING or QUIET"),
        Column("sentence", "How it is, in a sentence", sorts=False),
        Column("files", "Files received", Kind.COUNT),
        Column("read", "Records read: accepted + duplicates + problems", Kind.COUNT),
        Column("accepted", "Records accepted", Kind.COUNT),
        Column("duplicates", "Exact repeats of known records, dropped", Kind.COUNT),
        Column("problems", "Records kept out of the money, each with its reason", Kind.COUNT),
        Column("last_at", "When its last part was published", Kind.INSTANT),
    )

    def rows(self) -> MemoryRows:
        found = figures.sources(clock.now_ms())
        return MemoryRows([{column.name: getattr(each, column.name) for column in self.columns} for each in found], tie=("source",))


class SourceFiles(SourcePage):
    """The files of one source."""

    def rows(self) -> Any:
        if not Batch.objects.filter(source=self.kwargs["source"]).exists():
            raise Http404
        return super().rows()


class FileProblems(ListPage):
    """The problems of one file."""

    right, scope = File.right, File.scope
    columns, sort = (*File.columns, Column("remedy", "What to do about it", sorts=False)), "record_no"

    def rows(self) -> SegmentRows:
        return problem_rows(_parts(self))


def _parts(page: Page) -> list[Batch]:
    parts = list(Batch.objects.filter(source=page.kwargs["source"], file_id=page.kwargs["digest"]).order_by("part_no"))
    if not parts:
        raise Http404
    return parts


listing.add(
    router,
    Listing(
        "/sources",
        "sources",
        "Source",
        SourceList,
        "Every source and how it is.",
        "Records read = accepted + duplicates + problems, always.",
    ),
)
listing.add(
    router,
    Listing(
        "/sources/{source}/files",
        "source_files",
        "SourceFile",
        SourceFiles,
        "Every file of a source and what it brought.",
        "Records read = accepted + duplicates + problems, for each.",
        fields_about={"digest": "SHA-256 of its bytes."},
        parameters={"source": "The source's name."},
    ),
)
listing.add(
    router,
    Listing(
        "/sources/{source}/files/{digest}/problems",
        "file_problems",
        "FileProblem",
        FileProblems,
        "Every problem of a file.",
        "Each with its record, column and value as they came, and what to do about it.",
        names={"column_name": "column"},
        parameters={"source": "The source's name.", "digest": "SHA-256 of the file."},
    ),
)


class Totals(Schema):
    """read = accepted + duplicates + problems, in records."""

    read: int
    accepted: int
    duplicates: int
    problems: int


class FilePart(Totals):
    """One part of a file, published in one transaction."""

    number: int
    published_at: Instant
    profile_digest: str


class FileDetail(Totals):
    """One file of a source."""

    source: str
    digest: str
    name: str
    size: int = Field(description="Bytes.")
    received_at: Instant
    received_by: str
    first_call_at: Instant | None = Field(description="The earliest anchor (answer, else setup, else release) of its records.")
    last_call_at: Instant | None = Field(description="The latest. Both are null where no record was accepted.")
    parts: list[FilePart]


@reads(
    router,
    "/sources/{source}/files/{digest}",
    right=File.right,
    scope=Scope.OPERATOR,
    gives=FileDetail,
    summary="One file of a source, part by part.",
)
def source_file(request: HttpRequest, source: str, digest: str) -> Schema:
    """Where it came from and what each part of it brought."""
    page = page_for(request, source=source, digest=digest)
    parts = _parts(page)
    row = SealedFile.objects.get(digest=digest)
    names = ("read", "accepted", "duplicates", "problems")
    calls = span_of(parts)
    return FileDetail(
        source=source,
        digest=digest,
        name=row.name,
        size=row.size,
        received_at=instant(row.received_at) or "",
        received_by=row.received_by,
        first_call_at=instant(calls["first"]),
        last_call_at=instant(calls["last"]),
        parts=[
            FilePart(
                number=each.part_no,
                published_at=instant(each.published_at) or "",
                profile_digest=each.profile_digest,
                **{name: getattr(each, name) for name in names},
            )
            for each in parts
        ],
        **Batch.objects.filter(source=source, file_id=digest).aggregate(**{f"{name}": Sum(name) for name in names}),
    )


@reads(
    router,
    "/sources/{source}/files/{digest}/content",
    right=Right.READ_CALLS,
    scope=Scope.OPERATOR,
    media=(files.BYTES,),
    content=files.content(files.BYTES),
    summary="The file as it was received.",
)
def source_file_content(request: HttpRequest, source: str, digest: str) -> HttpResponseBase:
    """The sealed bytes, with every number in them. A partner's file may state prices: it needs the right to see margins as well."""
    page = page_for(request, source=source, digest=digest)
    _parts(page)
    if not may_have_records(page, digest):
        require(actor_of(request), Right.READ_MARGIN)
    return files.sealed(request, digest, SealedFile.objects.get(digest=digest).name, files.BYTES)


class FileReport(Totals):
    """What became of a file."""

    name: str
    kind: str = Field(description="CDR, AGREEMENT, DECK, SOURCE, ZONE ...; empty where nothing could be made of it.")
    digest: str = Field(description="SHA-256 of its bytes, under which it is sealed.")
    status: str = Field(description="published, or repeated: these very bytes were there before and nothing was added.")
    source: str
    found: list[PlainProblem] = Field(description="The first hundred problems.")


class Sent(Schema):
    """What comes."""

    name: FileName = Field(description="The file's name with its ending; sources and decks are recognised by it.")
    source: str = Field("", max_length=200, pattern="^[^\\x00]*$", description="The source of a CDR file; else its name and columns say.")
    as_: FileKind = Field("", alias="as", description="What the file is, where its content does not say.")


@writes(
    router,
    "POST",
    "/files",
    rights=(Right.INGEST, Right.WRITE_REFERENCE, Right.WRITE_DECKS),
    scope=Scope.OPERATOR,
    gives=FileReport,
    summary="Send a file into the book.",
    takes=files.BYTES,
    largest_bytes=LARGEST_READ_AT_ONCE_BYTES,
    keeps_itself=True,
    also={"requestBody": BODY},
)
def send_file(request: HttpRequest, query: Query[Sent]) -> HttpResponseBase:
    """CDR files, agreements, decks, source profiles, zones: sealed under their digest, then read, and the answer says what became of every
    record. The same bytes again add nothing. What cannot be used is refused (422) and kept all the same. At most 256 MiB: a larger one goes
    by POST /api/v1/uploads, and a job reads it."""
    key = repeated.key_of(request, needs_key=False)
    with received(request, query.name) as (path, asked):

        def work() -> Answer:
            reports = ingest(book.current(), [path], actor=actor_of(request), source=query.source, kind=WORDS.get(query.as_, ""))
            report = reports[0]
            if report.status == "refused":
                raise Refusal(report.found)
            return Answer(FileReport(**report.as_dict()))

        return repeated.answered(actor_of(request), key, asked, work, at_once=False)
