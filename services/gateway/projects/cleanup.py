"""Cleanup on request: asks status to apply a project's retention, or for a dry run of it."""

from heliograph.contracts import subjects
from heliograph.contracts.queries.retention import PlanCleanup
from heliograph.contracts.retention import CleanupReport, CleanupRequest
from heliograph.runtime.bus import Notify, RequestReply
from services.gateway.projects.settings_store import ProjectSettings

_TIMEOUT = 30.0  #: seconds to look through all that a project has


class CleanupRequests:
    """Asks status, which does it. Every method raises Unavailable."""

    def __init__(self, request: RequestReply, notify: Notify, projects: ProjectSettings) -> None:
        self._request = request
        self._notify = notify
        self._projects = projects

    async def request_cleanup(self, project: str, request: CleanupRequest) -> CleanupReport:
        """
        Report of jobs to prune; without `dry_run` they are pruned at once.

        Raises:
            UnknownKind: The previewed rules name a kind that does not exist.
        """
        retention = (await self._projects.read(project)).retention
        if request.retention:
            self._projects.check_retention(request.retention, "/retention")
            retention = retention.after(request.retention)
        query = PlanCleanup(project=project, retention=retention, dry_run=request.dry_run)
        report = await self._request(query, timeout=_TIMEOUT)
        if not request.dry_run:
            await self._notify(subjects.APPLY_RETENTION)
        return report
