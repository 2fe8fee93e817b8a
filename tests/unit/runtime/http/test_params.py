"""A query is read strictly, and a name in a path is of the grammar or does not exist."""

import pytest
from fastapi import Request
from pydantic import BaseModel, Field

from heliograph.contracts.errors import NotFound, ValidationFailed
from heliograph.contracts.ids import PROJECT_PATTERN
from heliograph.runtime.http.params import no_query, path_param, read_query


class Filter(BaseModel, extra="forbid"):
    status: str | None = None
    limit: int = Field(default=50, ge=1, le=200)
    tag: dict[str, str] = {}


def asked(query: str) -> Request:
    return Request({"type": "http", "query_string": query.encode(), "headers": []})


def refused(query: str) -> list[str]:
    """Where a query is wrong."""
    with pytest.raises(ValidationFailed) as error:
        read_query(asked(query), Filter, prefixes=("tag",))
    return [each.pointer for each in error.value.errors]


def test_a_query_is_read_into_its_shape() -> None:
    found = read_query(
        asked("status=failed&limit=7&tag.show=s1&tag.a.b=%C3%A9"), Filter, prefixes=("tag",)
    )

    assert found == Filter(status="failed", limit=7, tag={"show": "s1", "a.b": "é"})


def test_no_query_is_the_default() -> None:
    assert read_query(asked(""), Filter) == Filter()


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("colour=red", "colour"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=many", "limit"),
        ("limit=", "limit"),
        ("limit=1&limit=1", "limit"),
        ("tag.a=1&tag.a=2", "tag.a"),
        ("tag.a=1&tag=2", "tag"),
        ("tag=2", "tag"),
        ("tag=x&tag.show=s1", "tag"),
        ("tag.=x", "tag."),
        ("tag.show=%00", "tag.show"),
        ("a/b=1", "a~1b"),
        ("status=%00", "status"),
        ("Status=failed", "Status"),
        ("color.a=1", "color.a"),
    ],
)
def test_a_parameter_that_is_unknown_or_wrong_is_named(query: str, name: str) -> None:
    assert refused(query) == [f"/query/{name}"]


async def test_a_resource_without_a_query_takes_none() -> None:
    with pytest.raises(ValidationFailed):
        await no_query(asked("a=1"))


def test_a_name_outside_the_grammar_does_not_exist() -> None:
    project_name = path_param(PROJECT_PATTERN)

    assert project_name("demo") == "demo"
    with pytest.raises(NotFound):
        project_name("demo\n")
