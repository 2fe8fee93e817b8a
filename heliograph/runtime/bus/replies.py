"""
Replies to requests: only to inboxes, where nothing is stored and no service listens.

NATS lets a requester name any subject for the reply, and lets the responder publish there. So a requester
without permission to write to a bucket or to another service could make us publish there.
"""

import re

import structlog
from nats.aio.msg import Msg

log = structlog.get_logger()

_INBOX = re.compile(r"_INBOX(_[a-z0-9-]+)?\.[^*>\s]+")


def may_answer(message: Msg) -> bool:
    """Whether the answer to a request would go to an inbox, or nowhere."""
    return not message.reply or _INBOX.fullmatch(message.reply) is not None


async def respond(message: Msg, body: bytes) -> None:
    """Answer a request, if it may be answered. Raises what the connection raises."""
    if may_answer(message):
        await message.respond(body)
    else:
        log.warning("Request not answered: its reply subject is no inbox", subject=message.subject)
