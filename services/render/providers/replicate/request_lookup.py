"""
Request lookup in Replicate's list of predictions: finds one whose reply was lost.

The list shows the input of a prediction for an hour, and may show a new one late. So presence in the list
proves something, and absence proves nothing.
"""

from typing import Any

from services.render.providers.candidates import is_candidate
from services.render.providers.http import ProviderHttp
from services.render.providers.replicate.prediction_list import listed_predictions
from services.render.providers.submissions import Submission


async def find_predictions(
    http: ProviderHttp, submission: Submission, arguments: dict[str, Any]
) -> list[str]:
    """
    The ids of the predictions that a submission can have made.

    Raises:
        ConnectFailed, ResponseLost, HttpErrorStatus: Replicate does not show the list.
    """
    return [
        each["id"]
        async for each in listed_predictions(http, submission)
        if isinstance(each.get("id"), str)
        and is_candidate(submission, arguments, each.get("input"), each.get("created_at"))
    ]
