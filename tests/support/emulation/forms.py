"""Forms with files, as clients send them."""

from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from typing import NamedTuple


class Part(NamedTuple):
    """One field of a form."""

    name: str
    media_type: str
    content: bytes


def parts_of(content_type: str, body: bytes) -> list[Part]:
    """The fields of a `multipart/form-data` body, in order."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    return [_part(each) for each in message.walk() if not each.is_multipart()]


def _part(part: Message) -> Part:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    name = str(part.get_param("name", header="Content-Disposition"))
    return Part(name, part.get_content_type(), content)
