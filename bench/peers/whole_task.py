"""What a peer of the whole is told: which part of it to be, and where everything is."""

import json
import sys
from dataclasses import dataclass

BUCKET = "out"
CAP = 64  #: jobs at once


@dataclass(frozen=True)
class WholeTask:
    """One process of a peer. Addresses are URLs, but for that of the store, which is a host and port."""

    role: str
    port: int
    provider: str
    s3: str
    access_key: str
    secret_key: str
    nats: str = ""
    redis: str = ""
    database: str = ""  #: a file


def whole_task() -> WholeTask:
    return WholeTask(**json.loads(sys.argv[1]))
