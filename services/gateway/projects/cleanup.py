"""Cleanup on request: asks status to apply a project's retention, or for a dry run of it."""

from heliograph.contracts import subjects
from heliograph.contracts.queries.read_model import PlanCleanup
from heliograph.contracts.retention import CleanupReport, CleanupRequest
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.queries import request_reply
from services.gateway.projects.settings_store import ProjectSettings

_TIMEOUT = 30.0  #: seconds to look through all that a project has


class CleanupRequests:
    """Asks status, which does it. Every method raises Unavailable."""

    def __init__(self, jetstream: JetStream, projects: ProjectSettings) -> None:
        self._jetstream = jetstream
        self._projects = projects

    async def request_cleanup(self, project: str, request: CleanupRequest) -> CleanupReport:
        """
        What goes now; unless it is only looked at, it goes at once and not with the next round.

        Raises:
            UnknownKind: A change that is looked at names a kind that is not there.
        """
        retention = (await self._projects.read(project)).retention
        if request.retention:
            self._projects.check_retention(request.retention, "/retention")
            retention = retention.after(request.retention)
        question = PlanCleanup(project=project, retention=retention, dry_run=request.dry_run)
        answer = await request_reply(
            self._jetstream, subjects.QUERY_CLEANUP, question, timeout=_TIMEOUT
        )
        if not request.dry_run:
            await self._jetstream.notify(subjects.APPLY_RETENTION)
        return CleanupReport.model_validate_json(answer)
