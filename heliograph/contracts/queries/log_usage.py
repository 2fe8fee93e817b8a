"""Query for the bytes of the event log that projects take, answered by status."""

from heliograph.contracts.queries import Query
from heliograph.contracts.tolerant_reader import Tolerant


class LogUsage(Tolerant):
    """Bytes of the event log that jobs take, and will."""

    sequence: int  #: what is after it is not counted yet
    reserve: int  #: of all open jobs, for what they still need to end
    projects: dict[str, int]  #: those that take most, each with its reserve


class GetLogUsage(Query[LogUsage]):
    """Used and reserved bytes of the event log. Answered by status with `LogUsage`."""

    subject = "query.log.usage"
