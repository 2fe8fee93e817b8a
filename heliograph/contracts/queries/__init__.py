"""Queries that services answer each other over the bus, as request and reply."""

from typing import ClassVar, Generic, Self, TypeVar, cast

from pydantic import BaseModel

from heliograph.contracts.tolerant_reader import Tolerant

Reply = TypeVar("Reply", bound=BaseModel)


class Query(Tolerant, Generic[Reply]):
    """A request to another service: its class has the subject and the type of the reply."""

    subject: ClassVar[str]

    @classmethod
    def reply_type(cls) -> type[Reply]:
        """The shape of the reply: what stands in the brackets of `Query[…]`."""
        metadata = (vars(base).get("__pydantic_generic_metadata__", {}) for base in cls.__mro__)
        return next(cast(type[Reply], each["args"][0]) for each in metadata if each.get("args"))

    @property
    def address(self) -> str:
        """The subject that this one is sent to."""
        return self.subject

    def data(self) -> bytes:
        """The body, as JSON."""
        return self.model_dump_json().encode()

    @classmethod
    def read(cls, subject: str, data: bytes) -> Self:
        """Parse a request. Raises ValueError. No body is the same as an empty object."""
        return cls.model_validate_json(data or b"{}")


class JobQuery(Query[Reply], Generic[Reply]):
    """A query about one job, whose id is the last part of the subject."""

    job: str

    @property
    def address(self) -> str:
        return self.subject.replace("*", self.job)

    @classmethod
    def read(cls, subject: str, data: bytes) -> Self:
        return cls(job=subject.rsplit(".", 1)[1])
