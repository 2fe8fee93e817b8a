"""Label filters of a list of jobs, as `tag.show=s1` and `param.seed=7` in its query."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from heliograph.contracts.ids import SEGMENT, Label
from heliograph.contracts.job_criteria import MAX_LABELS
from heliograph.contracts.label_maps import MAX_LABEL_VALUE, LabelValue

GROUPS = ("tag", "param")


def _check_name(group: str) -> Callable[[str], str]:
    """Refuses a label without a name, as `tag.=s1`."""

    def check(name: str) -> str:
        if not name:
            raise _mistake(group)
        return name

    return check


def _check_group(group: str) -> Callable[[Any], Any]:
    """Refuses a value of the group itself, as `tag=s1`."""

    def check(labels: Any) -> Any:
        if not isinstance(labels, dict):
            raise _mistake(group)
        return labels

    return check


def _mistake(group: str) -> PydanticCustomError:
    return PydanticCustomError("label", "it is written {group}.<name>=<value>", {"group": group})


def _schema(group: str) -> WithJsonSchema:
    """An object whose members are parameters of their own, as OpenAPI writes objects in queries."""
    return WithJsonSchema(
        {
            "type": "object",
            "propertyNames": {"pattern": rf"^{group}\.{SEGMENT}$"},
            "additionalProperties": {"type": "string", "maxLength": MAX_LABEL_VALUE},
            "maxProperties": MAX_LABELS,
            "examples": [{f"{group}.name": "value"}],
        }
    )


Tags = Annotated[
    dict[Annotated[Label, BeforeValidator(_check_name("tag"))], LabelValue],
    BeforeValidator(_check_group("tag")),
    _schema("tag"),
]
Parameters = Annotated[
    dict[Annotated[Label, BeforeValidator(_check_name("param"))], LabelValue],
    BeforeValidator(_check_group("param")),
    _schema("param"),
]
