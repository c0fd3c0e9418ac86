"""Every operation of the OpenAPI document is asked what it did not expect: nothing fails on our side, and every answer is as described."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from .conftest import make_token
from .test_rights import operations

pytest.importorskip("schemathesis")


def _names() -> list[str]:
    from tollbook.api.application import document

    return [each["operationId"] for path in document()["paths"].values() for each in path.values()]


def _schema() -> Any:
    import schemathesis
    from django.core.wsgi import get_wsgi_application

    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())


@pytest.mark.parametrize("examples", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_no_operation_is_surprised(full_book: Path, examples: int) -> None:
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        negative_data_rejection,
        response_headers_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    checks = [
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_headers_conformance,
        response_schema_conformance,
        negative_data_rejection,
    ]
    headers = {"Authorization": f"Bearer {make_token('t-fuzz', 'owner')}", "Accept-Encoding": "identity"}
    config = settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    asked, surprised = 0, []
    for found in _schema().get_all_operations():
        operation = found.ok()
        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):

            @config
            @given(case=operation.as_strategy(generation_mode=mode))
            def ask(case: Any) -> None:
                case.call_and_validate(headers=headers, checks=checks)

            try:
                ask()
            except BaseExceptionGroup as failures:
                surprised += [f"{operation.label} {mode}: {each}" for each in failures.exceptions]
        asked += 1
    assert not surprised, "\n\n".join(surprised)
    assert asked == len(list(operations())) == len(_names())
