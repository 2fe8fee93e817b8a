"""Account store of an emulator: plans, accepted submissions and all requests, by key."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

P = TypeVar("P", bound=BaseModel)
A = TypeVar("A", bound="Account[Any]")


@dataclass
class Account(Generic[P]):
    """
    All that belongs to one key. `accepted` is what it pays for, in order.

    Attributes:
        changeable: Fields that tests may change.
    """

    changeable: ClassVar[frozenset[str]] = frozenset({"busy"})

    plan_type: type[P]
    accepted: list[dict[str, Any]] = field(default_factory=list)
    posts: int = 0  #: submissions that came in, accepted or not
    busy: int = 0  #: uploads that are turned away
    plans: dict[str, P] = field(default_factory=dict)  #: by prompt
    heard: list[dict[str, Any]] = field(default_factory=list)  #: every request, in order

    def plan_for(self, prompt: str) -> P:
        return self.plans.get(prompt) or self.plan_type()

    def report(self) -> dict[str, Any]:
        """What tests may know."""
        return {"accepted": self.accepted, "posts": self.posts, "heard": self.heard}


class AccountStore(Generic[A]):
    """
    The accounts, and the control API at `/emulator` that tests use.

    Args:
        open_account: Makes the account of a new key.
        key_of: The key that a request carries; None when it carries none.
        nobody: The response to a request without a key, or with one that begins with `revoked`.
    """

    def __init__(
        self,
        open_account: Callable[[], A],
        key_of: Callable[[Request], str | None],
        nobody: tuple[int, dict[str, Any]],
    ) -> None:
        self._key_of = key_of
        self._nobody = nobody
        self.accounts: dict[str, A] = defaultdict(open_account)

    def account(self, http: Request) -> A:
        """The account of the request's key. Raises Refusal."""
        key = self._key_of(http)
        if not key or key.startswith("revoked"):
            raise Refusal(*self._nobody)
        account = self.accounts[key]
        account.heard.append(heard(http))
        return account

    def routes(self) -> list[Route]:
        """What tests may know and change."""
        return [
            Route("/ready", self._ready),
            Route("/accounts/{key}", self._report),
            Route("/accounts/{key}", self._change, methods=["PUT"]),
            Route("/accounts/{key}/plans", self._plan, methods=["PUT"]),
        ]

    async def _ready(self, _: Request) -> Response:
        return JSONResponse({})

    async def _report(self, http: Request) -> Response:
        return JSONResponse(self.accounts[http.path_params["key"]].report())

    async def _change(self, http: Request) -> Response:
        account = self.accounts[http.path_params["key"]]
        for name, value in (await http.json()).items():
            assert name in account.changeable
            setattr(account, name, value)
        return JSONResponse({})

    async def _plan(self, http: Request) -> Response:
        account, plan = self.accounts[http.path_params["key"]], await http.json()
        prompt = plan.pop("prompt")
        try:
            account.plans[prompt] = account.plan_type.model_validate(plan)
        except ValidationError as error:
            raise HTTPException(400, str(error)) from error
        return JSONResponse({})


class Refusal(Exception):
    """An error response in the provider's own format."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.response = JSONResponse(body, status, headers)


async def send_refusal(_: Request, error: Exception) -> Response:
    """The handler of `Refusal`."""
    assert isinstance(error, Refusal)
    return error.response


def bearer(http: Request) -> str | None:
    """The key in `Authorization: Bearer <key>`."""
    kind, _, key = http.headers.get("Authorization", "").partition(" ")
    return key if kind == "Bearer" else None


def heard(http: Request) -> dict[str, Any]:
    """A request, as tests see it."""
    return {
        "method": http.method,
        "path": http.url.path,
        "query": dict(http.query_params),
        "headers": dict(http.headers),
    }
