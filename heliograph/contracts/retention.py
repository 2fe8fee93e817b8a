"""
Retention rules of a project: which jobs are kept, and which are pruned.

Without rules nothing is pruned. The newest version of a slot, the current one, and references of open jobs
always stay.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from heliograph.contracts.label_maps import LabelMap
from heliograph.contracts.numbers import WHOLE
from heliograph.contracts.tolerant_reader import Tolerant

Versions = Annotated[int, Field(ge=1, lt=2**31, strict=True), WHOLE]
Days = Annotated[float, Field(ge=0, le=36_500)]

#: Why a job goes: newer versions of its slot are enough; its result, or its failure, is too old.
Reason = Literal["versions", "days", "failed_days"]


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class Rule(Tolerant):
    """Retention rule. Null: everything is kept."""

    versions: Versions | None = Field(default=None, examples=[5])  #: of a slot, the newest ones
    days: Days | None = Field(default=None, examples=[90])  #: results
    failed_days: Days | None = Field(default=None, examples=[7])  #: jobs that gave none


class Retention(Rule):
    """Retention rules of a project. A kind's rule overrides the project's where it is set."""

    kinds: dict[str, Rule] = Field(default_factory=dict)

    @property
    def is_limited(self) -> bool:
        """Whether any rule could prune a job."""
        return self.least != _NO_RULE

    @property
    def least(self) -> Rule:
        """The strictest rule of all kinds."""
        limits = [_limits(rule) for rule in (self, *self.kinds.values())]
        named = {name for rule in limits for name in rule}
        return Rule(**{name: min(r[name] for r in limits if name in r) for name in named})

    def of(self, kind: str) -> Rule:
        """The rule of a kind."""
        own = self.kinds.get(kind, _NO_RULE)
        return Rule(**{**_limits(self), **_limits(own)})

    def after(self, change: "ChangeRetention") -> "Retention":
        """The rules after a change; rules of kinds change one by one, each as a whole."""
        given = change.model_dump(exclude_unset=True)
        kinds = given.pop("kinds", {})
        rules = {} if kinds is None else self.model_dump()["kinds"] | kinds
        kept = {kind: rule for kind, rule in rules.items() if rule is not None}
        return Retention.model_validate({**self.model_dump(), **given, "kinds": kept})


class ChangeRule(Rule):
    """Retention rule of a kind."""

    model_config = ConfigDict(extra="forbid")


class ChangeRetention(ChangeRule):
    """Change of retention rules. Omitted rules stay; null removes a rule."""

    kinds: LabelMap[ChangeRule | None] | None = Field(
        default=None, max_length=256, examples=[{"shot": {"versions": 3}, "portrait": None}]
    )


class CleanupRequest(_Shape):
    """Prune the jobs that the project's rules do not keep; or a dry run."""

    model_config = ConfigDict(extra="forbid")

    dry_run: bool = Field(
        default=False, description="Return the jobs that would be pruned, and prune nothing"
    )
    retention: ChangeRetention | None = Field(
        default=None, description="Retention rules to preview; only with `dry_run`"
    )

    @field_validator("retention")
    @classmethod
    def _only_to_look(cls, retention: Any, others: ValidationInfo) -> Any:
        if retention is not None and not others.data.get("dry_run"):
            raise ValueError(
                "a change is only looked at, with dry_run; PATCH the project to make it"
            )
        return retention


class Amount(_Shape):
    """Totals of pruned jobs."""

    jobs: int = 0
    objects: int = 0  #: in the store: results and their variants
    bytes: int = 0


class Going(_Shape):
    """A job to be pruned, with the reason."""

    id: str
    kind: str
    slot: str | None
    version: int | None  #: of its slot; null for a job without one
    reason: Reason
    objects: int
    bytes: int


class Spared(_Shape):
    """Jobs that rules would prune, but that are kept."""

    current: int = 0  #: as the current version of a slot, or the newest
    in_use: int = 0  #: as an open job, or the result of another one, needs them


class CleanupReport(Amount):
    """Report of pruned jobs of a project."""

    project: str
    dry_run: bool
    kinds: dict[str, Amount]
    spared: Spared
    items: list[Going]  #: the oldest of them
    more: bool  #: there are others


_NO_RULE = Rule()


def _limits(rule: Rule) -> dict[str, Any]:
    return rule.model_dump(include=set(Rule.model_fields), exclude_none=True)
