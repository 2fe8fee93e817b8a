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


def may_reply(message: Msg) -> bool:
    """Whether the reply to a request would go to an inbox, or nowhere."""
    return not message.reply or _INBOX.fullmatch(message.reply) is not None


async def respond(message: Msg, body: bytes) -> None:
    """Reply to a request, if its reply subject permits. Raises what the connection raises."""
    if may_reply(message):
        await message.respond(body)
    else:
        log.warning(
            "Request without a reply: its reply subject is no inbox", subject=message.subject
        )
