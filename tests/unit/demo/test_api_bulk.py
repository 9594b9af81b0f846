"""Bulk operations: real JSONL, children by `__parentId`, states as Shopify tells them, and what is refused."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest

ORDERS = (
    "{ orders { edges { node { id name customer { id } lineItems { edges { node { id"
    " quantity product { id } } } } } } } }"
)
RUN = (
    "mutation($q: String!, $g: Boolean!) { bulkOperationRunQuery(query: $q, groupObjects: $g)"
    " { bulkOperation { id status url } userErrors { code message } } }"
)
STATE = (
    "query($id: ID!) { bulkOperation(id: $id) { status errorCode objectCount rootObjectCount"
    " fileSize url partialDataUrl completedAt } }"
)


@pytest.fixture
def run(ask, shop):
    """Runs a bulk query to its end, and gives the operation as the API shows it."""

    def ran(query, group=False):
        told = ask(RUN, q=query, g=group)["data"]["bulkOperationRunQuery"]
        assert told["userErrors"] == []
        assert (told["bulkOperation"]["status"], told["bulkOperation"]["url"]) == ("CREATED", None)
        number = told["bulkOperation"]["id"]
        shop.bulk.wait(shop.bulk.operations[int(number.rsplit("/", 1)[1])])
        return ask(STATE, id=number)["data"]["bulkOperation"]

    return ran


@pytest.fixture
def lines(run, client):
    def read(query, group=False):
        url = urlsplit(run(query, group)["url"])
        with client.get(url.path) as answer:
            assert answer.status_code == 200
            return [json.loads(line) for line in answer.text.splitlines()]

    return read


def refusal(ask, query):
    return ask(RUN, q=query, g=False)["data"]["bulkOperationRunQuery"]["userErrors"][0]


def test_every_order_and_line_is_in_the_file_once(lines, shop):
    told = lines(ORDERS)
    orders = [x for x in told if "__parentId" not in x]
    children = [x for x in told if "__parentId" in x]
    world = shop.store.world
    assert [x["id"] for x in orders] == [f"gid://shopify/Order/{n}" for n in world.orders]
    assert sorted(x["id"] for x in children) == sorted(
        f"gid://shopify/LineItem/{line.id}" for o in world.orders.values() for line in o.lines
    )
    owner = {
        f"gid://shopify/LineItem/{line.id}": f"gid://shopify/Order/{o.id}"
        for o in world.orders.values()
        for line in o.lines
    }
    assert all(x["__parentId"] == owner[x["id"]] for x in children)


def test_children_come_after_their_parents_but_not_right_after_them(lines):
    told = lines(ORDERS)
    assert ["__parentId" in x for x in told] == [False] * 8 + [True] * 16


def test_grouped_children_follow_their_parent(lines):
    told = lines(ORDERS, group=True)
    assert ["__parentId" in x for x in told] == [False, True, True] * 8


def test_the_file_says_what_the_api_says(lines, ask):
    query = (
        "id name createdAt totalPriceSet { shopMoney { amount currencyCode } } customer { id"
        " defaultEmailAddress { marketingState } }"
    )
    paged = ask("{ orders(first: 50, sortKey: ID) { nodes { " + query + " } } }")["data"]["orders"]["nodes"]
    assert lines("{ orders { edges { node { " + query + " } } } }") == paged


def test_keys_come_in_the_order_asked_for(lines):
    assert list(lines("{ products { nodes { title id handle } } }")[0]) == ["title", "id", "handle"]


def test_aliases_typename_and_inline_fragments_are_understood(lines):
    query = (
        "{ products { nodes { __typename n: title featuredMedia { ... on MediaImage { image { url } } } } } }"
    )
    told = lines(query)[0]
    assert (told["__typename"], told["n"]) == ("Product", "Pasta")
    assert told["featuredMedia"]["image"]["url"].startswith(
        "http://127.0.0.1:4000/cdn/shop/files/pasta.png?v="
    )


def test_two_kinds_of_children_and_a_filter(lines):
    told = lines(
        '{ products(query: "handle:pasta") { edges { node { id variants { nodes { id price } }'
        " media { edges { node { id } } } } } } }"
    )
    assert [x.get("__parentId", "")[:22] for x in told] == [
        "",
        "gid://shopify/Product/",
        "gid://shopify/Product/",
    ]
    assert told[1]["price"] == "2.99"


def test_counts_and_size_are_told_at_the_end(run, shop):
    told = run(ORDERS)
    operation = next(iter(shop.bulk.operations.values()))
    assert (told["status"], told["objectCount"], told["rootObjectCount"]) == ("COMPLETED", "24", "8")
    assert told["fileSize"] == str(shop.bulk.path_of(operation).stat().st_size)
    assert told["completedAt"] == "2026-11-21T12:00:00Z"


def test_an_empty_result_has_no_address(run):
    told = run('{ products(query: "handle:nothing") { nodes { id } } }')
    assert (told["status"], told["url"], told["objectCount"]) == ("COMPLETED", None, "0")


def test_the_end_is_told_by_webhook_in_small_letters(run, events):
    run(ORDERS)
    assert [(e.topic, e.body["status"], e.body["type"]) for e in events] == [
        ("bulk_operations/finish", "completed", "query")
    ]
    assert set(events[0].body) == {
        "admin_graphql_api_id",
        "completed_at",
        "created_at",
        "error_code",
        "status",
        "type",
    }


def test_the_address_needs_its_secret(run, client, shop):
    url = urlsplit(run(ORDERS)["url"]).path
    assert client.get(url.replace(url.rsplit("/", 1)[1], "guess.jsonl")).status_code == 404


def test_without_the_scope_the_operation_fails_with_access_denied(run, shop):
    shop.office.change_scopes(["read_products"])
    told = run(ORDERS)
    assert (told["status"], told["errorCode"], told["url"]) == ("FAILED", "ACCESS_DENIED", None)


def test_a_failure_in_the_middle_leaves_partial_data(run, shop, client):
    shop.bulk.fail_after_objects = 10
    told = run(ORDERS)
    assert (told["status"], told["errorCode"], told["url"]) == ("FAILED", "INTERNAL_SERVER_ERROR", None)
    with client.get(urlsplit(told["partialDataUrl"]).path) as answer:
        assert len(answer.text.splitlines()) >= 10


def test_a_file_that_broke_off_lacks_lines_of_orders_it_has(run, shop, client):
    shop.bulk.fail_after_objects = 10
    told = run(ORDERS)
    with client.get(urlsplit(told["partialDataUrl"]).path) as answer:
        objects = [json.loads(line) for line in answer.text.splitlines()]
    n_lines = sum("__parentId" in each for each in objects)
    assert (len(objects), n_lines) == (10, 2)
    assert sum(len(order.lines) for order in shop.store.world.orders.values()) > n_lines


def test_an_operation_may_have_ended_when_its_asking_is_answered(ask, shop):
    shop.bulk.runs_at_once = True
    ask(RUN, q=ORDERS, g=False)
    assert [each.status for each in shop.bulk.operations.values()] == ["COMPLETED"]


def test_a_sixth_operation_at_once_is_refused_and_one_can_be_cancelled(ask, shop):
    shop.bulk.may_go_on.clear()
    numbers = [
        ask(RUN, q=ORDERS, g=False)["data"]["bulkOperationRunQuery"]["bulkOperation"]["id"] for _ in range(5)
    ]
    assert refusal(ask, ORDERS)["code"] == "OPERATION_IN_PROGRESS"
    cancel = "mutation($id: ID!) { bulkOperationCancel(id: $id) { bulkOperation { status } userErrors { message } } }"
    assert ask(cancel, id=numbers[0])["data"]["bulkOperationCancel"]["bulkOperation"] == {
        "status": "CANCELING"
    }
    shop.bulk.may_go_on.set()
    for operation in shop.bulk.operations.values():
        shop.bulk.wait(operation)
    assert sorted(o.status for o in shop.bulk.operations.values()) == ["CANCELED"] + ["COMPLETED"] * 4
    assert ask(cancel, id=numbers[1])["data"]["bulkOperationCancel"]["userErrors"] != []


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("{ shop { name } }", "at least one connection"),
        ("{ orders { edges { node { idd } } } }", "Cannot query field"),
        ("{ orders ", "Syntax Error"),
        ("{ orders { edges { node { name lineItems { edges { node { id } } } } } } }", "must select the 'id' field"),
        ("{ customers { nodes { id orders { nodes { id lineItems { nodes { id } } } } } } }", "nesting depth"),
        ("{ a: products { nodes { id } } b: products { nodes { id } } c: products { nodes { id } }"
         " d: products { nodes { id } } e: products { nodes { id } } f: products { nodes { id } } }", "more than 5"),
        ("mutation { appUninstall { app { id } } }", "query operation"),
    ],
)  # fmt: skip
def test_what_shopify_would_not_run_is_refused_with_a_reason(ask, query, why):
    told = refusal(ask, query)
    assert told["code"] == "INVALID"
    assert why in told["message"]


def test_names_the_app_is_not_approved_for_are_null(lines, shop):
    shop.post.approved_level = 1
    told = lines("{ customers { nodes { id firstName defaultEmailAddress { emailAddress } } } }")
    assert told[0]["firstName"] is None
    assert told[0]["defaultEmailAddress"] is None
