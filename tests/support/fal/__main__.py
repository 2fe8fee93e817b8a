"""`python -m tests.support.fal --port 9555`: listen until told to stop."""

import argparse

import uvicorn

from tests.support.fal.app import create_app


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.support.fal", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9555)
    where = parser.parse_args()
    uvicorn.run(  # h11 lets a connection be cut in the middle
        create_app(), host=where.host, port=where.port, http="h11", log_level="warning"
    )


if __name__ == "__main__":
    main()
