"""The people of the demo: a merchant and shoppers who do what people do, through the pages and forms they would use."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from app.tour.stage import ANSWER_SECONDS, Stage

TIMEOUT = ANSWER_SECONDS


class DidNotHappenError(Exception):
    """Something the demo promises was not seen."""


def browser() -> requests.Session:
    """A fresh browser: no cookie, no history."""
    session = requests.Session()
    session.headers["User-Agent"] = "Mozilla/5.0 (demo)"
    session.headers["Accept"] = "text/html,application/json;q=0.9,*/*;q=0.8"
    return session


@dataclass(slots=True)
class Merchant:
    """Installs the app and uses its pages through the frame, with the id tokens the admin hands out."""

    stage: Stage
    session: requests.Session = field(default_factory=browser)

    def install_by_grant(self) -> str:
        """Open the app outside the frame and grant what it asks for; returns where that led."""
        page = self.session.get(f"{self.stage.store_url}/admin/apps/launch", timeout=TIMEOUT)
        if "/admin/oauth/authorize" not in page.url:
            raise DidNotHappenError(
                f"launching the app led to {page.url} ({page.status_code}), not to the grant"
            )
        return self._press(page).url

    def install_managed(self) -> None:
        """Install as Shopify does it today: the admin grants, then opens the app, which exchanges the id token."""
        frame = self._press(self.session.get(f"{self.stage.store_url}/admin/oauth/install", timeout=TIMEOUT))
        source = re.search(r'<iframe\b[^>]*\bsrc="([^"]+)"', frame.text)
        if source is None:
            raise DidNotHappenError("the admin shows no frame with the app in it")
        self._expect(browser().get(unescape(source.group(1)), timeout=TIMEOUT))

    def uninstall(self) -> None:
        self._expect(self.session.post(f"{self.stage.store_url}/admin/apps/uninstall", timeout=TIMEOUT))

    def place_blocks(self) -> None:
        """Switch the shelf on in the theme, as the editor's Save button does."""
        everywhere = {name: ["shelf"] for name in ("index", "product", "cart")}
        answer = self.session.post(
            f"{self.stage.store_url}/demo/theme",
            json={"embeds": ["embed"], "blocks": everywhere},
            timeout=TIMEOUT,
        )
        self._expect(answer)

    def page(self, path: str, **query: str) -> str:
        """One of the app's pages, as the frame shows it."""
        return self._app("GET", path, params=query).text

    def has_read_everything(self) -> bool:
        """Whether the app has read all that the shop has sent, as its Activity page tells."""
        if int(self.stage.store("/demo/state")["deliveries"].get("waiting", 0)):
            return False
        return self.activity("Waiting") == 0

    def activity(self, name: str) -> int:
        """A figure of the app's Activity page."""
        found = re.search(rf"<dt>{name}</dt><dd[^>]*>([\d,.]+)</dd>", self.page("/admin/activity"))
        if found is None:
            raise DidNotHappenError(f"the Activity page has no figure “{name}”")
        return int(re.sub(r"\D", "", found.group(1)))

    def submit(self, path: str, fields: dict[str, str]) -> str:
        return self._app("POST", path, data=fields).text

    def settings(self) -> dict[str, str]:
        """The settings form as it stands, ready to be changed and sent back."""
        return form_fields(self.page("/admin/settings"))

    def _app(self, method: str, path: str, **more: Any) -> requests.Response:
        token = self.session.post(
            f"{self.stage.store_url}/admin/internal/id-token",
            headers={"Sec-Fetch-Site": "same-origin", "Origin": self.stage.store_url},
            timeout=TIMEOUT,
        )
        self._expect(token)
        headers = {"Authorization": f"Bearer {token.json()['id_token']}"}
        answer = requests.request(
            method, self.stage.app_url + path, headers=headers, timeout=TIMEOUT, allow_redirects=False, **more
        )
        return self._expect(answer)

    def _press(self, page: requests.Response) -> requests.Response:
        """Press the page's main button."""
        action = re.search(r'<form method="post" action="([^"]*)"', page.text)
        target = urljoin(page.url, unescape(action.group(1))) if action else page.url
        return self._expect(self.session.post(target, data=form_fields(page.text), timeout=TIMEOUT))

    @staticmethod
    def _expect(answer: requests.Response) -> requests.Response:
        if answer.status_code >= 400:
            place = urlsplit(answer.url)
            raise DidNotHappenError(f"{place.netloc}{place.path} answered {answer.status_code}")
        return answer


@dataclass(slots=True)
class Shopper:
    """Someone with a browser of their own and an address the demo's inbox receives."""

    stage: Stage
    email: str
    session: requests.Session = field(default_factory=browser)
    checkout_url: str = ""

    def subscribe(self) -> None:
        """Sign up for the shop's news in the footer of its pages."""
        self._post("/contact", {"email": self.email, "contact[email]": self.email})

    def add(self, variant_id: str) -> None:
        self._post("/cart/add.js", {"id": variant_id, "quantity": "1"})

    def begin_checkout(self) -> None:
        """Go to the checkout and type the address; the shop notes it at once."""
        page = self.session.get(f"{self.stage.store_url}/checkout", timeout=TIMEOUT)
        self.checkout_url = page.url.partition("?")[0]
        noted = self.session.post(
            f"{self.checkout_url}/contact.json", data={"email": self.email}, timeout=TIMEOUT
        )
        if not noted.ok:
            raise DidNotHappenError(f"the checkout did not take the address ({noted.status_code})")

    def leave_cart(self, variant_ids: list[str]) -> None:
        """Fill a cart, begin the checkout, and be called away."""
        for variant_id in variant_ids:
            self.add(variant_id)
        self.begin_checkout()

    def buy(self) -> str:
        """Finish the checkout; returns the thank-you page."""
        address = {
            "email": self.email,
            "first_name": "Cleo",
            "last_name": "Demo",
            "address1": "1 Main Street",
            "city": "Athens",
            "zip": "10431",
            "country": "Greece",
        }
        self._post_url(self.checkout_url, address)
        page = self._post_url(f"{self.checkout_url}/pay", {})
        if not page.url.endswith("/thank_you"):
            raise DidNotHappenError(f"paying led to {urlsplit(page.url).path}")
        return page.text

    def follow(self, link: str) -> requests.Response:
        """Click a link; where it leads to a checkout, that is where buying goes on."""
        page = self.session.get(link, timeout=TIMEOUT)
        if "/checkouts/cn/" in page.url:
            self.checkout_url = page.url.partition("?")[0].removesuffix("/review")
        return page

    def mails(self) -> list[dict[str, Any]]:
        return [mail for mail in inbox(self.stage) if self.email in mail["to"]]

    def _post(self, path: str, fields: dict[str, str]) -> requests.Response:
        return self._post_url(self.stage.store_url + path, fields)

    def _post_url(self, url: str, fields: dict[str, str]) -> requests.Response:
        answer = self.session.post(url, data=fields, timeout=TIMEOUT)
        if not answer.ok:
            raise DidNotHappenError(f"{urlsplit(url).path} answered {answer.status_code}")
        return answer


def inbox(stage: Stage) -> list[dict[str, Any]]:
    """Every mail the demo has caught, newest last."""
    found = stage.store("/inbox.json")
    mails: list[dict[str, Any]] = found["mails"] if isinstance(found, dict) else found
    return sorted(mails, key=lambda mail: int(mail["id"]))


def header(mail: dict[str, Any], name: str) -> str:
    return next((str(value) for key, value in mail["headers"] if key.lower() == name.lower()), "")


def shelf(stage: Stage, key: str, product_id: str = "", **query: str) -> dict[str, Any]:
    """What the app answers a storefront."""
    answer = requests.get(
        f"{stage.app_url}/storefront/v1/shelf",
        params={"shop": key, "placement": "product", "limit": "4", "product": product_id, **query},
        timeout=TIMEOUT,
    )
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def form_fields(page: str) -> dict[str, str]:
    """The successful controls of the page's forms, as a browser would send them."""
    fields: dict[str, str] = {}
    for tag in re.findall(r"<input\b[^>]*>", page):
        attributes = _attributes(tag)
        kind, name = attributes.get("type", "text"), attributes.get("name")
        if name is None or (kind in {"checkbox", "radio"} and "checked" not in attributes):
            continue
        if kind not in {"submit", "button", "search"}:
            fields[name] = attributes.get("value", "on" if kind == "checkbox" else "")
    for tag, text in re.findall(r"(<textarea\b[^>]*>)(.*?)</textarea>", page, re.DOTALL):
        fields[_attributes(tag).get("name", "")] = unescape(text).removeprefix("\n")
    for tag, options in re.findall(r"(<select\b[^>]*>)(.*?)</select>", page, re.DOTALL):
        chosen = re.search(r'<option\b[^>]*value="([^"]*)"[^>]*\bselected', options) or re.search(
            r'<option\b[^>]*\bselected[^>]*value="([^"]*)"', options
        )
        if chosen:
            fields[_attributes(tag).get("name", "")] = unescape(chosen.group(1))
    fields.pop("", None)
    return fields


def _attributes(tag: str) -> dict[str, str]:
    found = re.findall(r'([\w\[\]-]+)(?:="([^"]*)")?', tag.partition(" ")[2])
    return {name: unescape(value) for name, value in found}
