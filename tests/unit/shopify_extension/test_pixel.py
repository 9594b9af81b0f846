"""What the web pixel tells, event by event, with Shopify stood in for; its life in a page is tests/web's."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tomllib
from typing import Any

import pytest

from tests.unit.shopify_extension.rendering import REPOSITORY

PIXEL = REPOSITORY / "storefront" / "shopify" / "extensions" / "regulars-pixel"
SETTINGS = {"accountID": "pk_ada", "endpoint": "https://app.example/storefront/v1/events"}

# Runs the pixel over what happens, and says what it sent and what is left in storage.
HARNESS = """
const { pixel, settings, happened, isAllowed, gpc, held } = JSON.parse(process.argv[1])
const sent = [], subscribers = {}, choices = [], kept = new Map(held)
Object.defineProperty(globalThis, 'navigator', { value: { globalPrivacyControl: gpc }, configurable: true })
globalThis.fetch = async (address, options) => { sent.push({ address, ...options }); return {} }
const { watch } = await import(pixel)
watch({
  settings,
  init: { customerPrivacy: { analyticsProcessingAllowed: isAllowed } },
  analytics: { subscribe: (name, callback) => (subscribers[name] ??= []).push(callback) },
  customerPrivacy: { subscribe: (name, callback) => choices.push(callback) },
  browser: { sessionStorage: {
    getItem: async (key) => kept.get(key) ?? null,
    setItem: async (key, value) => void kept.set(key, value),
    removeItem: async (key) => void kept.delete(key),
  } },
})
for (const together of happened)
  await Promise.all(together.flatMap((event) =>
    event.name === 'choice'
      ? choices.map((callback) => callback({ customerPrivacy: { analyticsProcessingAllowed: event.data } }))
      : (subscribers[event.name] ?? []).map((callback) => callback(event))))
console.log(JSON.stringify({ sent, kept: [...kept], heard: Object.keys(subscribers) }))
"""


def product(number: object) -> dict[str, Any]:
    return {"id": number, "title": "Teapot"}


def viewed(number: object) -> dict[str, Any]:
    return {"name": "product_viewed", "data": {"productVariant": {"id": "9", "product": product(number)}}}


def checkout(name: str, *numbers: object) -> dict[str, Any]:
    lines = [{"quantity": 2, "variant": {"id": "9", "product": product(number)}} for number in numbers]
    person = {"email": "cleo@example.com", "phone": "+30210", "order": {"id": "77"}, "token": "secret"}
    return {"name": name, "data": {"checkout": {"lineItems": lines, **person}}}


def run(*happened: Any, is_allowed: bool = True, gpc: bool = False, held: Any = ()) -> dict[str, Any]:
    """Each of `happened` is an event, or a list of events at the same moment."""
    node = shutil.which("node")
    if node is None:
        reason = "Node is not installed: the web pixel can't be run"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    scene = {
        "pixel": (PIXEL / "src" / "pixel.js").as_uri(),
        "settings": SETTINGS,
        "happened": [each if isinstance(each, list) else [each] for each in happened],
        "isAllowed": is_allowed,
        "gpc": gpc,
        "held": list(held),
    }
    done = subprocess.run(
        [node, "--input-type=module", "--no-warnings", "-e", HARNESS, json.dumps(scene)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def bodies(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(one["body"]) for one in told["sent"]]


def test_it_listens_to_four_events_and_tells_the_products_of_each_and_nothing_of_the_person() -> None:
    line = {"quantity": 1, "merchandise": {"id": "9", "product": product("12")}}
    told = run(
        viewed("11"),
        {"name": "product_added_to_cart", "data": {"cartLine": line}},
        checkout("checkout_started", "12", "13", "12"),
        checkout("checkout_completed", "13"),
        {"name": "page_viewed", "data": {}},
    )
    assert len(told["heard"]) == 4
    assert [one["events"] for one in bodies(told)] == [
        [{"type": "view", "product": "11"}],
        [{"type": "cart", "product": "12"}],
        [{"type": "checkout", "product": "12"}, {"type": "checkout", "product": "13"}],
        [{"type": "purchase", "product": "13"}],
    ]
    assert all(set(one) == {"shop", "visit", "events"} for one in bodies(told))
    for request in told["sent"]:
        assert (request["address"], request["method"]) == (SETTINGS["endpoint"], "POST")
        assert (request["keepalive"], request["credentials"]) == (True, "omit")
        # A header of its own would need a preflight.
        assert "headers" not in request


def test_one_visit_has_one_id_even_when_two_things_happen_at_once() -> None:
    told = run([viewed("11"), viewed("12")], viewed("13"))
    [visit] = {one["visit"] for one in bodies(told)}
    assert re.fullmatch(r"[0-9a-f]{32}", visit)
    assert told["kept"] == [["regulars-visit", visit]]


def test_the_widgets_visit_is_gone_on_with() -> None:
    told = run(viewed("11"), held=[["regulars-visit", "a" * 32]])
    assert [one["visit"] for one in bodies(told)] == ["a" * 32]


@pytest.mark.parametrize(("is_allowed", "gpc"), [(False, False), (True, True)], ids=["no", "gpc"])
def test_without_a_yes_nothing_is_told_and_no_id_made(is_allowed: bool, gpc: bool) -> None:
    told = run(viewed("11"), checkout("checkout_completed", "12"), is_allowed=is_allowed, gpc=gpc)
    assert (told["sent"], told["kept"]) == ([], [])


def test_a_yes_taken_back_ends_it_and_another_yes_is_another_visit() -> None:
    no, yes = {"name": "choice", "data": False}, {"name": "choice", "data": True}
    told = run(viewed("11"), no, viewed("12"), yes, viewed("13"))
    assert [one["events"][0]["product"] for one in bodies(told)] == ["11", "13"]
    assert len({one["visit"] for one in bodies(told)}) == 2


@pytest.mark.parametrize(
    "event",
    [
        viewed(None),
        {"name": "product_viewed", "data": {}},
        {"name": "product_added_to_cart", "data": {"cartLine": None}},
        {"name": "checkout_started", "data": {"checkout": {"lineItems": [{"variant": None}]}}},
        {"name": "checkout_completed", "data": {}},
    ],
)
def test_an_event_without_a_product_is_told_of_by_nothing(event: dict[str, Any]) -> None:
    assert run(event)["sent"] == []


def test_an_id_in_shopifys_global_form_is_its_number() -> None:
    told = run(viewed("gid://shopify/Product/788032119674292922"))
    assert bodies(told)[0]["events"] == [{"type": "view", "product": "788032119674292922"}]


def test_it_runs_strictly_with_consent_to_analytics_alone_and_asks_for_what_the_app_gives() -> None:
    told = tomllib.loads((PIXEL / "shopify.extension.toml").read_text())
    assert (told["type"], told["runtime_context"]) == ("web_pixel_extension", "strict")
    assert told["customer_privacy"] == {
        "analytics": True,
        "marketing": False,
        "preferences": False,
        "sale_of_data": "disabled",
    }
    assert set(told["settings"]["fields"]) == set(SETTINGS)
