"""The links in a mail, clicked by people, by mail programs and by scanners."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.domain.consent import Scope
from app.mail.links import LinkSigner, Target
from app.services import consenting, messaging
from app.services.context import Context
from app.settings import ROOT
from app.web.recipient import recipient_blueprint
from tests.conftest import NOW, MovableClock, Shop
from tests.db.messaging_stage import CLEO, Stage, line, set_stage

RECOVERY = "https://ada-tea.example/1/checkouts/abc/recover?key=k1&locale=en"


@dataclass(slots=True)
class Reader:
    """Cleo with a mail in her hand, on some other device than the one she shopped on."""

    stage: Stage
    client: FlaskClient
    message_id: int

    @property
    def links(self) -> LinkSigner:
        return self.stage.context.links

    def url(self, kind: str, message_id: int | None = None, shop_id: int | None = None) -> str:
        sign = {"r": self.links.resume, "u": self.links.unsubscribe, "p": self.links.preferences}[kind]
        return f"/{kind}/{sign(shop_id or self.stage.shop_id, message_id or self.message_id)}"

    def click_url(self, target: Target, index: int = 0) -> str:
        return f"/c/{self.links.click(self.stage.shop_id, self.message_id, target, index)}"

    def scopes(self) -> set[str]:
        with self.stage.context.db.shop(self.stage.shop_id) as connection:
            return set(consenting.suppressed_scopes(connection, self.stage.shop_id, self.stage.hash_of(CLEO)))


@pytest.fixture
def stage(context: Context, ada: Shop) -> Stage:
    return set_stage(context, ada.shop_id)


@pytest.fixture
def cleo(stage: Stage) -> Iterator[Reader]:
    stage.product("p1", "Blue mug")
    stage.cart(recovery_url=RECOVERY)
    stage.plan()
    assert stage.send() == messaging.Tally(n_sent=1)
    app = Flask("test", root_path=str(ROOT), template_folder="templates", static_folder="static")
    app.register_blueprint(recipient_blueprint(stage.context))
    with app.test_client() as client:
        yield Reader(stage, client, stage.message()["message_id"])


def landing(response: TestResponse) -> tuple[str, dict[str, str]]:
    assert response.status_code == 302
    parts = urlsplit(response.headers["Location"])
    return f"{parts.scheme}://{parts.netloc}{parts.path}", dict(parse_qsl(parts.query))


UTM = {
    "utm_source": "regulars",
    "utm_medium": "email",
    "utm_campaign": "abandoned_cart",
    "utm_content": "mail-1",
}


# -- back into the cart ----------------------------------------------------------------------------------------


def test_the_resume_link_leads_to_the_shops_own_recovery_and_counts(
    cleo: Reader, clock: MovableClock
) -> None:
    clock.advance(hours=5)
    response = cleo.client.get(cleo.url("r"))
    assert landing(response) == (
        "https://ada-tea.example/1/checkouts/abc/recover",
        {"key": "k1", "locale": "en", **UTM},
    )
    assert cleo.stage.message()["clicked_at"] == NOW + timedelta(hours=5)
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in response.headers


def test_an_order_after_the_click_is_credited_to_the_mail(cleo: Reader, clock: MovableClock) -> None:
    cleo.client.get(cleo.url("r"))
    clock.advance(hours=1)
    cleo.stage.order(cart_token="cart-1", lines=[line(list_id="m1.also_bought.p9")])
    found = cleo.stage.fetch("SELECT attributed_message_id, attributed_list_id FROM orders")
    assert tuple(found[0].values()) == (cleo.message_id, "m1.also_bought.p9")


def test_without_a_recovery_link_the_cart_is_filled_again(cleo: Reader) -> None:
    cleo.stage.run("UPDATE carts SET recovery_url = NULL")
    assert landing(cleo.client.get(cleo.url("r"))) == ("https://ada-tea.example/cart/vp1:2", UTM)


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/recover",
        "https://ada-tea.example.evil.example/recover",
        "https://ada-tea.example@evil.example/recover",
        "https://ada-tea.example:8443/recover",
        "//evil.example/recover",
        "javascript:alert(1)",
        "https://evil.example\\@ada-tea.example/",
        "http://ada-tea.example/recover",
        "https://ada-tea.example/re cover",
        "https://[ada-tea.example/",
    ],
)
def test_a_recovery_link_that_leaves_the_shop_is_not_followed(cleo: Reader, elsewhere: str) -> None:
    cleo.stage.run("UPDATE carts SET recovery_url = :url", url=elsewhere)
    assert landing(cleo.client.get(cleo.url("r")))[0] == "https://ada-tea.example/cart/vp1:2"


def test_the_platforms_own_name_of_the_shop_is_the_shop_too(cleo: Reader) -> None:
    cleo.stage.run("UPDATE carts SET recovery_url = 'https://ada-tea.myshopify.com/recover'")
    assert landing(cleo.client.get(cleo.url("r")))[0] == "https://ada-tea.myshopify.com/recover"


@pytest.mark.parametrize("state", ["ordered", "removed"])
def test_a_cart_that_is_gone_gets_a_friendly_page(cleo: Reader, state: str) -> None:
    cleo.stage.run("UPDATE carts SET state = :state", state=state)
    response = cleo.client.get(cleo.url("r"))
    assert response.status_code == 410
    assert "This cart is no longer here" in response.text
    assert 'href="https://ada-tea.example"' in response.text


def test_the_page_speaks_the_language_of_the_cart(cleo: Reader) -> None:
    cleo.stage.run("UPDATE carts SET state = 'removed', locale = 'el-GR'")
    assert '<html lang="el">' in cleo.client.get(cleo.url("r")).text


def test_a_scanner_that_only_looks_is_not_a_click(cleo: Reader) -> None:
    assert cleo.client.head(cleo.url("r")).status_code == 302
    assert cleo.stage.message()["clicked_at"] is None


# -- other links -----------------------------------------------------------------------------------------------


def test_a_line_leads_to_its_product(cleo: Reader) -> None:
    response = cleo.client.get(cleo.click_url(Target.LINE, 0))
    assert landing(response) == ("https://ada-tea.example/products/blue-mug", UTM)
    assert cleo.stage.message()["clicked_at"] == NOW


def test_a_recommendation_leads_to_what_the_mail_showed(cleo: Reader) -> None:
    cleo.stage.product("p7", "Honey")
    cleo.stage.run("""UPDATE messages SET facts = facts || '{"recommended": ["p9", "p7"]}'::jsonb""")
    url, _ = landing(cleo.client.get(cleo.click_url(Target.RECOMMENDATION, 1)))
    assert url == "https://ada-tea.example/products/honey"


@pytest.mark.parametrize("index", [0, 5, -1])
def test_a_product_that_is_gone_leads_to_the_shop(cleo: Reader, index: int) -> None:
    cleo.stage.run("""UPDATE messages SET facts = facts || '{"recommended": ["gone"]}'::jsonb""")
    assert landing(cleo.client.get(cleo.click_url(Target.RECOMMENDATION, index)))[0] == (
        "https://ada-tea.example"
    )
    assert landing(cleo.client.get(cleo.click_url(Target.SHOP)))[0] == "https://ada-tea.example"


def test_a_product_path_can_not_change_the_host(cleo: Reader) -> None:
    cleo.stage.run("UPDATE products SET path = '.evil.example/x'")
    assert landing(cleo.client.get(cleo.click_url(Target.LINE, 0)))[0] == "https://ada-tea.example"


# -- out of the mails ------------------------------------------------------------------------------------------


def test_opening_the_opt_out_page_changes_nothing(cleo: Reader) -> None:
    response = cleo.client.get(cleo.url("u"))
    assert response.status_code == 200
    assert "Stop e-mails from Ada&#39;s Tea?" in response.text
    assert cleo.scopes() == set()


def test_a_mail_programs_one_click_is_enough(cleo: Reader) -> None:
    """RFC 8058: no cookie, no log-in, no page in between."""
    response = cleo.client.post(cleo.url("u"), data={"List-Unsubscribe": "One-Click"})
    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers
    assert cleo.scopes() == {"all"}


def test_the_button_does_the_same_and_twice_is_as_good_as_once(cleo: Reader) -> None:
    for _ in range(2):
        response = cleo.client.post(cleo.url("u"), data={"action": "unsubscribe"})
        assert "You are unsubscribed" in response.text
    assert cleo.scopes() == {"all"}


def test_an_opt_out_stops_the_next_mail(cleo: Reader, clock: MovableClock) -> None:
    cleo.client.post(cleo.url("u"), data={"List-Unsubscribe": "One-Click"})
    clock.advance(days=2)
    cleo.stage.cart("cart-2")
    cleo.stage.plan()
    assert cleo.stage.send() == messaging.Tally(n_skipped=1)


def test_a_mistake_can_be_undone(cleo: Reader) -> None:
    cleo.client.post(cleo.url("u"), data={"action": "unsubscribe"})
    response = cleo.client.post(cleo.url("u"), data={"action": "resubscribe"})
    assert "Welcome back" in response.text
    assert cleo.scopes() == set()


def test_a_link_of_long_ago_still_unsubscribes(cleo: Reader, clock: MovableClock) -> None:
    url = cleo.url("u")
    clock.advance(days=4000)
    assert cleo.client.post(url).status_code == 200
    assert cleo.scopes() == {"all"}


def test_preferences_show_and_keep_what_was_chosen(cleo: Reader) -> None:
    assert ticked(cleo.client.get(cleo.url("p"))) == {"abandoned_cart", "win_back"}
    response = cleo.client.post(cleo.url("p"), data={"action": "save", "topic": "win_back"})
    assert "Your choice is saved." in response.text
    assert ticked(response) == {"win_back"}
    assert cleo.scopes() == {"abandoned_cart"}
    response = cleo.client.post(cleo.url("p"), data={"action": "stop_all", "topic": "win_back"})
    assert ticked(response) == set()
    assert cleo.scopes() == {"all"}
    cleo.client.post(cleo.url("p"), data={"topic": ["win_back", "abandoned_cart", "anything"]})
    assert cleo.scopes() == set()


def ticked(response: TestResponse) -> set[str]:
    assert response.status_code == 200
    return set(re.findall(r'value="(\w+)" checked', response.text))


# -- what can not be learned -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["r", "u", "p", "c"])
@pytest.mark.parametrize("token", ["x", "WzEsMV0.aaaa.bbbb", "..", "%00", "a" * 3000])
def test_a_token_that_is_not_ours_gets_one_and_the_same_page(cleo: Reader, kind: str, token: str) -> None:
    response = cleo.client.get(f"/{kind}/{token}")
    assert response.status_code == 404
    assert "This link does not work" in response.text


def test_a_token_is_good_for_its_own_purpose_only(cleo: Reader) -> None:
    token = cleo.url("p").removeprefix("/p/")
    assert cleo.client.post(f"/u/{token}").status_code == 404
    assert cleo.scopes() == set()


def test_an_erased_person_and_an_unknown_message_get_the_page_of_everybody(cleo: Reader) -> None:
    ordinary = cleo.client.post(cleo.url("u"))
    unknown = cleo.client.post(cleo.url("u", message_id=999))
    cleo.stage.run("UPDATE messages SET email_hash = NULL, recipient = NULL")
    erased = cleo.client.post(cleo.url("u"))
    assert ordinary.status_code == unknown.status_code == erased.status_code == 200
    assert ordinary.text == unknown.text == erased.text


def test_no_page_names_the_address(cleo: Reader) -> None:
    pages = [cleo.client.get(cleo.url(kind)).text for kind in ("u", "p")]
    pages += [cleo.client.post(cleo.url(kind)).text for kind in ("u", "p")]
    assert not any("@" in page or "cleo" in page.lower() for page in pages)


def test_a_message_of_one_shop_means_nothing_in_another(cleo: Reader, ben: Shop) -> None:
    response = cleo.client.post(cleo.url("u", shop_id=ben.shop_id))
    assert response.status_code == 200
    assert cleo.scopes() == set()


def test_a_shop_that_is_unknown_or_gone_gets_a_page_too(cleo: Reader) -> None:
    assert cleo.client.get(cleo.url("r", shop_id=999)).status_code == 404
    cleo.stage.run("UPDATE shops SET state = 'uninstalled'")
    assert cleo.client.get(cleo.url("r")).status_code == 410
    assert cleo.client.post(cleo.url("u")).status_code == 200
    assert cleo.scopes() == {Scope.ALL}
