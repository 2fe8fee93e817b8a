"""
Replies to requests: only to inboxes, where nothing is stored and no service listens.

NATS lets whoever asks name any subject for the answer, and lets whoever was asked publish there. So an
answer could be put into a bucket, or before another service, by somebody who may not write there.
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
