"""One call to one shop: the bucket, repeats, and what errors mean."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import requests
import responses

from app.platforms.base import NeedsApprovalError, NeedsReconnectError, PlatformError
from app.platforms.shopify.graphql import GraphQL, TooCostlyError, new_session, operation

URL = "https://ada.myshopify.com/admin/api/2026-07/graphql.json"
SHOP = operation("shop")
CREATE = operation("webhook_create")
DENIED = {
    "message": "This app is not approved to access the Customer object.",
    "path": ["customers"],
    "extensions": {"code": "ACCESS_DENIED"},
}


class Time:
    """A clock that moves only when somebody waits."""

    def __init__(self) -> None:
        self.at, self.waits = 0.0, []

    def now(self) -> float:
        return self.at

    def pause(self, seconds: float) -> None:
        self.waits.append(round(seconds, 3))
        self.at += seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def shopify():
    with responses.RequestsMock() as mock:
        yield mock


def _client(time: Time, token: Callable[[], str] = lambda: "shpat_1") -> GraphQL:
    return GraphQL(new_session(), URL, "ada.myshopify.com", token, time.pause, time.now)


def _cost(requested: float, available: float, rate: float = 100.0) -> dict:
    status = {"maximumAvailable": 2000.0, "currentlyAvailable": available, "restoreRate": rate}
    return {"cost": {"requestedQueryCost": requested, "actualQueryCost": 1, "throttleStatus": status}}


def _throttled(requested: float, available: float, rate: float = 100.0) -> dict:
    return {
        "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
        "extensions": _cost(requested, available, rate),
    }


def test_a_call_carries_token_query_and_variables(time, shopify):
    shopify.post(URL, json={"data": {"ok": 1}})
    assert _client(time).run(CREATE, {"topic": "ORDERS_CREATE"}) == {"ok": 1}
    request = shopify.calls[0].request
    assert request.headers["X-Shopify-Access-Token"] == "shpat_1"
    sent = json.loads(request.body)
    assert sent["variables"] == {"topic": "ORDERS_CREATE"}
    assert "webhookSubscriptionCreate" in sent["query"]
    assert time.waits == []


def test_a_call_waits_for_what_the_bucket_lacks(time, shopify):
    shopify.post(URL, json={"data": {"ok": 1}, "extensions": _cost(500, 200)})
    client = _client(time)
    client.run(SHOP)
    client.run(SHOP)
    assert time.waits == [3.0]


def test_the_bucket_fills_while_nobody_asks(time, shopify):
    shopify.post(URL, json={"data": {"ok": 1}, "extensions": _cost(500, 200)})
    client = _client(time)
    client.run(SHOP)
    time.at += 10
    client.run(SHOP)
    assert time.waits == []


def test_a_throttled_call_waits_as_asked_and_is_sent_again_even_when_it_writes(time, shopify):
    shopify.post(URL, json=_throttled(700, 100, 200))
    shopify.post(URL, json={"data": {"ok": 1}})
    assert _client(time).run(CREATE) == {"ok": 1}
    assert time.waits == [3.0]


def test_an_endless_throttle_gives_up_with_a_moment_to_come_back(time, shopify):
    shopify.post(URL, json=_throttled(100, 99))
    with pytest.raises(PlatformError, match="throttles") as failure:
        _client(time).run(SHOP)
    assert (failure.value.permanent, failure.value.retry_after_seconds) == (False, 30.0)
    assert len(shopify.calls) == 6


def test_a_wait_beyond_the_cap_is_handed_to_the_caller(time, shopify):
    shopify.post(URL, json=_throttled(1000, 0, 10))
    with pytest.raises(PlatformError) as failure:
        _client(time).run(SHOP)
    assert failure.value.retry_after_seconds == 100.0
    assert time.waits == []


@pytest.mark.parametrize("fault", [requests.ConnectionError(), requests.ReadTimeout(), 502, 503, "<html>"])
def test_a_query_is_repeated_after_a_fault(time, shopify, fault):
    if isinstance(fault, int):
        shopify.post(URL, status=fault)
    else:
        shopify.post(URL, body=fault)
    shopify.post(URL, json={"data": {"ok": 1}})
    assert _client(time).run(SHOP) == {"ok": 1}
    assert time.waits == [0.5]


def test_a_query_is_given_up_after_six_faults(time, shopify):
    shopify.post(URL, status=500)
    with pytest.raises(PlatformError, match="answered 500") as failure:
        _client(time).run(SHOP)
    assert not failure.value.permanent
    assert time.waits == [0.5, 1.0, 2.0, 4.0, 8.0]


def test_a_mutation_whose_answer_was_lost_is_not_repeated(time, shopify):
    shopify.post(URL, body=requests.ReadTimeout())
    with pytest.raises(PlatformError, match="ReadTimeout"):
        _client(time).run(CREATE)
    assert len(shopify.calls) == 1


def test_a_mutation_that_never_left_is_repeated_and_so_is_one_said_to_be_repeatable(time, shopify):
    shopify.post(URL, body=requests.ConnectTimeout())
    shopify.post(URL, json={"data": {"ok": 1}})
    assert _client(time).run(CREATE) == {"ok": 1}
    shopify.reset()
    shopify.post(URL, body=requests.ReadTimeout())
    shopify.post(URL, json={"data": {"ok": 1}})
    assert _client(time).run(operation("webhook_create", is_repeatable=True)) == {"ok": 1}


def test_too_many_calls_wait_as_long_as_the_shop_says(time, shopify):
    shopify.post(URL, status=429, headers={"Retry-After": "2.0"})
    shopify.post(URL, json={"data": {"ok": 1}})
    _client(time).run(SHOP)
    assert time.waits == [2.0]


@pytest.mark.parametrize("status", [401, 403])
def test_a_dead_token_needs_the_merchant(time, shopify, status):
    shopify.post(URL, status=status, json={"errors": "[API] Invalid API key or access token"})
    with pytest.raises(NeedsReconnectError, match="open the app"):
        _client(time).run(SHOP)
    assert len(shopify.calls) == 1


def test_a_token_refreshed_meanwhile_is_tried_once(time, shopify):
    tokens = iter(["shpat_1", "shpat_2", "shpat_2", "shpat_2"])
    shopify.post(URL, status=401)
    shopify.post(URL, json={"data": {"ok": 1}})
    assert _client(time, lambda: next(tokens)).run(SHOP) == {"ok": 1}
    assert shopify.calls[1].request.headers["X-Shopify-Access-Token"] == "shpat_2"


def test_a_token_refused_before_its_time_is_renewed_once(time, shopify):
    refused = []

    def renew(token: str) -> str:
        refused.append(token)
        tokens.append(f"shpat_{len(refused) + 1}")
        return tokens[-1]

    tokens = ["shpat_1"]
    shopify.post(URL, status=401)
    shopify.post(URL, json={"data": {"ok": 1}})
    client = _client(time, lambda: tokens[-1])
    client.renew = renew
    assert client.run(SHOP) == {"ok": 1}
    assert refused == ["shpat_1"]
    shopify.reset()
    shopify.post(URL, status=401)
    with pytest.raises(NeedsReconnectError):
        client.run(SHOP)
    assert len(shopify.calls) == 2


@pytest.mark.parametrize(
    ("status", "permanent", "seconds"), [(404, True, None), (400, True, None), (423, False, 21_600.0)]
)
def test_other_refusals_say_whether_to_try_again(time, shopify, status, permanent, seconds):
    shopify.post(URL, status=status)
    with pytest.raises(PlatformError) as failure:
        _client(time).run(SHOP)
    assert (failure.value.permanent, failure.value.retry_after_seconds) == (permanent, seconds)


@pytest.mark.parametrize("with_code", [True, False])
def test_fields_we_are_not_approved_for_are_none(time, shopify, with_code):
    error = DENIED if with_code else {"message": "This app is not approved to use the email field."}
    shopify.post(URL, json={"data": {"orders": {"nodes": [{"email": None}]}}, "errors": [error]})
    assert _client(time).run(SHOP) == {"orders": {"nodes": [{"email": None}]}}


@pytest.mark.parametrize("data", [None, {"customers": None}])
def test_an_answer_of_which_nothing_is_left_needs_approval(time, shopify, data):
    shopify.post(URL, json={"data": data, "errors": [DENIED]})
    with pytest.raises(NeedsApprovalError, match="not approved to access"):
        _client(time).run(SHOP)


def test_a_question_that_costs_too_much_says_so(time, shopify):
    shopify.post(
        URL, json={"errors": [{"message": "Query cost is 1002", "extensions": {"code": "MAX_COST_EXCEEDED"}}]}
    )
    with pytest.raises(TooCostlyError):
        _client(time).run(SHOP)


@pytest.mark.parametrize(
    "errors", ["odd", {"query": "Required"}, [7], [{"message": "Field 'x' doesn't exist"}], [{"message": 7}]]
)
def test_any_other_error_is_permanent(time, shopify, errors):
    shopify.post(URL, json={"errors": errors})
    with pytest.raises(PlatformError) as failure:
        _client(time).run(SHOP)
    assert failure.value.permanent


def test_an_error_inside_shopify_is_tried_again(time, shopify):
    shopify.post(
        URL, json={"errors": [{"message": "Internal error", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]}
    )
    shopify.post(URL, json={"data": {"ok": 1}})
    assert _client(time).run(SHOP) == {"ok": 1}


def test_no_error_shows_a_token_or_an_address(time, shopify):
    shopify.post(URL, json={"errors": [{"message": 'Invalid search: email:"cleo@example.com"'}]})
    with pytest.raises(PlatformError) as failure:
        _client(time).run(SHOP)
    assert "cleo" not in str(failure.value)
    assert "shpat" not in repr(_client(time))


def test_connections_are_kept_for_the_next_call():
    session = new_session()
    adapter = session.get_adapter(URL)
    assert (adapter._pool_maxsize, adapter.max_retries.total) == (32, 0)
