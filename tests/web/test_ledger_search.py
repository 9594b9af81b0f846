"""Somebody asks what they were sent: the merchant finds it by their whole address, which stands in no URL."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from app.services.context import Context
from tests.conftest import Shop
from tests.web.adminkit import Merchant, furnish

CLEO = "cleo@example.com"


@pytest.fixture
def merchant(context: Context, app: Flask, ada: Shop) -> Merchant:
    furnish(context, ada)
    return Merchant(app.test_client(), ada)


def entries(html: str) -> list[str]:
    return re.findall(r'class="entry-who"><a href="/admin/messages/\d+">([^<]+)<', html)


def test_a_person_is_found_by_their_whole_address(merchant: Merchant) -> None:
    answer = merchant.post("/admin/messages/search", {"email": f" {CLEO.upper()} "})
    assert entries(answer.text) == ["c•••@example.com"]
    shown_as = answer.headers["HX-Push-Url"]
    assert re.fullmatch(r"/admin/messages\?person=[0-9a-f]{64}", shown_as)
    assert entries(merchant.get(shown_as).text) == ["c•••@example.com"]


def test_the_filters_go_on_with_the_person(merchant: Merchant) -> None:
    answer = merchant.post("/admin/messages/search", {"email": "dan@example.com"})
    [held_back] = re.findall(r'href="(/admin/messages\?state=skipped[^"]*)"', answer.text)
    assert "person=" in held_back
    assert entries(merchant.get(held_back.replace("&amp;", "&")).text) == ["d•••@example.com"]
    [sent] = re.findall(r'href="(/admin/messages\?state=sent[^"]*)"', answer.text)
    page = merchant.get(sent.replace("&amp;", "&")).text
    assert entries(page) == []
    assert "Nothing for this address" in page


@pytest.mark.parametrize("typed", ["nobody@example.com", "cleo", "%", "\0", "x" * 5000])
def test_a_part_of_an_address_finds_nobody(merchant: Merchant, typed: str) -> None:
    answer = merchant.post("/admin/messages/search", {"email": typed})
    assert answer.status_code == 200
    assert entries(answer.text) == []


def test_an_empty_search_shows_everybody(merchant: Merchant) -> None:
    assert len(entries(merchant.post("/admin/messages/search", {"email": " "}).text)) == 25


@pytest.mark.parametrize("person", ["", "xyz", "00", "é", "0" * 4001])
def test_a_person_nobody_would_write_into_an_address_is_answered(merchant: Merchant, person: str) -> None:
    assert merchant.get(f"/admin/messages?person={person}").status_code == 200


def test_ben_finds_nobody_of_adas(app: Flask, merchant: Merchant, ben: Shop) -> None:
    shown_as = merchant.post("/admin/messages/search", {"email": CLEO}).headers["HX-Push-Url"]
    bens = Merchant(app.test_client(), ben)
    assert entries(bens.post("/admin/messages/search", {"email": CLEO}).text) == []
    assert entries(bens.get(shown_as).text) == []
