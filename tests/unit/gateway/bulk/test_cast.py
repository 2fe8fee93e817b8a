"""A request for references of a person becomes one request for each half."""

from decimal import Decimal

from heliograph.contracts.cast import BOTH, CastRequest
from services.gateway.bulk.cast import request_for


def test_what_a_reference_may_cost_holds_for_each_half() -> None:
    cast = CastRequest(operation="create", prompt="a keeper", max_cost=Decimal("0.04"))

    assert [request_for(cast, "alice", half).max_cost for half in BOTH] == [Decimal("0.04")] * 2
