"""Files sent in to be read later, by a job: received whole and sealed under their digest, whatever they are."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias
from uuid import uuid4

from django.http import HttpRequest, HttpResponseBase
from ninja import Query, Router, Schema
from pydantic import Field, StringConstraints

from tollbook.api import files, repeated
from tollbook.api.operation import actor_of, writes
from tollbook.api.problem import ApiError
from tollbook.api.repeated import Answer
from tollbook.core.digest import json_digest
from tollbook.core.rights import Right, require
from tollbook.flow.collection import right_to_seal, seal_stored
from tollbook.flow.intake import UNKNOWN, WORDS
from tollbook.flow.job_kinds import safe_name
from tollbook.store import files as stored
from tollbook.web import book
from tollbook.web.page import Scope
from tollbook.web.uploads import limit_bytes

router = Router(tags=["sources"])
PIECE_BYTES: Final = 1 << 20
FileName = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern="^[^\\x00/\\\\]+$")]
FileKind: TypeAlias = Literal[("", *WORDS)]  # type: ignore[valid-type]
BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {files.BYTES: {"schema": {"type": "string", "contentMediaType": files.BYTES}}},
}


@contextmanager
def received(request: HttpRequest, name: str) -> Iterator[tuple[Path, str]]:
    """The body as a file under its name in a folder of its own, and the digest of what is asked with it. Gone again afterwards."""
    folder = book.folder() / stored.SPOOL_FOLDER / f"api-{uuid4().hex}"
    stored.make_folder(folder)
    try:
        path, digest = folder / safe_name(name), hashlib.sha256()
        with path.open("xb") as target:
            while piece := request.read(PIECE_BYTES):
                digest.update(piece)
                target.write(piece)
        if not path.stat().st_size:
            raise ApiError(422, "API_PARAMETER", "The body is empty.", errors=[{"in": "body", "name": "", "detail": "It is empty."}])
        yield path, json_digest({"request": repeated.input_of(request, files.BYTES), "body": digest.hexdigest()})
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Uploaded(Schema):
    """A sealed file, as a job of the kind INGEST takes it."""

    digest: str = Field(description="SHA-256 of its bytes, under which it is sealed.")
    name: str = Field(description="Its name, without what could not be one here.")
    size: int = Field(description="Bytes.")


class Coming(Schema):
    """What comes."""

    name: FileName = Field(description="The file's name with its ending; sources and decks are recognised by it.")
    as_: FileKind = Field(
        "",
        alias="as",
        description="What the file is, where its content does not say; say it to the job as well. A token without the right to ingest has "
        "to say it: deck or deck-profile.",
    )


@writes(
    router,
    "POST",
    "/uploads",
    rights=(Right.INGEST, Right.WRITE_REFERENCE, Right.WRITE_DECKS),
    scope=Scope.OPERATOR,
    gives=Uploaded,
    summary="Send a file to be read by a job.",
    takes=files.BYTES,
    largest_bytes=limit_bytes,
    keeps_itself=True,
    also={"requestBody": BODY},
)
def upload_file(request: HttpRequest, query: Query[Coming]) -> HttpResponseBase:
    """Sealed under its digest and not looked into. Then start a job of the kind INGEST with the digests and names of up to fifty uploads as
    its `files`: it reads them together and counts their figures once; one of the kind DECKS reads decks and their profiles. The same bytes
    again are the same file. As large as the pages take them: 2,048 MiB where TOLLBOOK_UPLOAD_LIMIT_MB of the server says nothing else."""
    kind, actor = WORDS.get(query.as_, "") or UNKNOWN, actor_of(request)
    right = right_to_seal(kind)
    require(actor, right)
    key = repeated.key_of(request, needs_key=False)
    with received(request, query.name) as (path, asked):

        def work() -> Answer:
            with path.open("rb") as source:
                found = stored.put(book.folder(), source, path.name)
            seal_stored(found, name=path.name, kind=kind, actor=actor, right=right)
            return Answer(Uploaded(digest=found.digest, name=path.name, size=path.stat().st_size))

        return repeated.answered(actor, key, asked, work, at_once=False)
