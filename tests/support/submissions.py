"""Submissions for adapters: what render would send for a new job."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import uuid4

from heliograph.contracts.id_generation import new_job_id
from heliograph.contracts.payloads import Call, build_payload
from heliograph.contracts.payloads.seeds import seed_for
from services.render.providers.submissions import Submission
from tests.support.records import CATALOG


def submission_for(project: str, model: str, price: Decimal, **arguments: Any) -> Submission:
    """A request for a new job, with a prompt that nobody else has."""
    submission = Submission(
        project=project,
        job=new_job_id(),
        run=7,
        attempt=1,
        model=model,
        endpoint=CATALOG.models[model].endpoint,
        arguments={"prompt": f"a lighthouse {uuid4().hex}", **arguments},
        references=[],
        price=price,
        body={},
    )
    return with_body(submission)


def with_body(submission: Submission) -> Submission:
    """The same, with the body that its arguments and references make."""
    call = Call(
        model=CATALOG.models[submission.model],
        arguments=submission.arguments,
        references=[each.url for each in submission.references],
        seed=seed_for(submission.job, submission.run),
    )
    return replace(submission, body=build_payload(submission.model, call))
