"""Renders the theme extension's Liquid as a shop would, with stubs of Shopify's objects; must not know any test."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, TextIO

from liquid import Environment, FileSystemLoader, Node, RenderContext, StrictUndefined, Tag, TokenStream
from liquid.token import TOKEN_TAG

REPOSITORY = Path(__file__).parents[3]
EXTENSION = REPOSITORY / "storefront" / "shopify" / "extensions" / "regulars-theme"
LANGUAGES = ("en", "el", "sr", "ru", "ro", "tr")

SCHEMA = re.compile(r"{%-?\s*schema\s*-?%}(.*?){%-?\s*endschema\s*-?%}", re.DOTALL)


@cache
def block_schema(name: str) -> dict[str, Any]:
    found = SCHEMA.search((EXTENSION / "blocks" / f"{name}.liquid").read_text("utf-8"))
    assert found is not None, f"{name} has no schema"
    schema: dict[str, Any] = json.loads(found[1])
    return schema


@cache
def strings(language: str, kind: str = "") -> dict[str, Any]:
    """A locale file; `kind` is "" for the shop's pages, ".schema" for the theme editor."""
    default = ".default" if language == "en" else ""
    read: dict[str, Any] = json.loads(
        (EXTENSION / "locales" / f"{language}{default}{kind}.json").read_text("utf-8")
    )
    return read


def word(language: str, key: str, kind: str = "") -> str:
    """The text of a key; Shopify falls back to the default language where a shop's own has no file."""
    found: Any = strings(language if language in LANGUAGES else "en", kind)
    for part in key.split("."):
        found = found[part]
    assert isinstance(found, str)
    return found


class _Silent(Node):
    def render_to_output(self, _context: RenderContext, _buffer: TextIO) -> int:
        return 0


class _SchemaTag(Tag):
    """`{% schema %}`: read by the theme editor, printed nowhere."""

    name = "schema"
    end = "endschema"

    def parse(self, stream: TokenStream) -> Node:
        token = stream.eat(TOKEN_TAG)
        while stream.current.value != self.end:
            next(stream)
        return _Silent(token)


def _environment(language: str) -> Environment:
    # Shopify escapes nothing by itself, so nothing is escaped here either.
    environment = Environment(
        loader=FileSystemLoader([EXTENSION / "snippets", EXTENSION / "blocks"], ext=".liquid"),
        undefined=StrictUndefined,
        autoescape=False,
    )
    environment.tags["schema"] = _SchemaTag(environment)
    environment.filters["t"] = lambda key: word(language, str(key))
    environment.filters["asset_url"] = lambda name: f"/extension/assets/{name}"
    return environment


@dataclass
class ShopPage:
    """The page of a shop on which a block stands, as far as Liquid tells a block of it.

    What is not there is an empty text here, not nil: in Shopify's Liquid both are `blank`, in python-liquid only
    the text is.
    """

    page_type: str = "product"
    language: str = "en"
    is_editor: bool = False
    shop_key: str | None = "pk_ada"
    api_url: str | None = "https://regulars.example"
    product_id: int | None = 8123456789
    currency: str = "EUR"
    money_format: str = "€{{amount}}"
    cart_url: str = "/cart"
    # What the merchant set, over the schema's defaults.
    settings: dict[str, Any] = field(default_factory=dict)

    def render(self, block: str = "shelf") -> str:
        return _environment(self.language).get_template(block).render(**self._objects(block))

    def _objects(self, block: str) -> dict[str, Any]:
        told = {"shop_key": self.shop_key, "api_url": self.api_url}
        return {
            "app": {"metafields": {"regulars": {key: {"value": value or ""} for key, value in told.items()}}},
            "block": {"settings": self._settings(block), "shopify_attributes": 'data-block="1"'},
            "product": {"id": self.product_id} if self.page_type == "product" else "",
            "request": {
                "page_type": self.page_type,
                "design_mode": self.is_editor,
                "locale": {"iso_code": self.language},
            },
            "routes": {"cart_url": self.cart_url},
            "shop": {"currency": self.currency, "money_format": self.money_format},
        }

    def _settings(self, block: str) -> dict[str, Any]:
        asked = [setting for setting in block_schema(block)["settings"] if "id" in setting]
        unset = {setting["id"]: setting.get("default", "") for setting in asked}
        assert self.settings.keys() <= unset.keys(), "the schema has no such setting"
        return unset | self.settings


@dataclass
class Element:
    """One start tag that a page's parser met."""

    tag: str
    attributes: dict[str, str | None]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, dict(attrs)))


def elements(html: str, tag: str | None = None) -> list[Element]:
    """The elements of a page in order, as a parser reads them."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return [element for element in reader.elements if tag in (None, element.tag)]


def shelf_attributes(html: str) -> dict[str, str | None]:
    (shelf,) = elements(html, "regulars-shelf")
    return shelf.attributes


def styles(attributes: dict[str, str | None]) -> dict[str, str]:
    """The declarations of a style attribute."""
    written = (attributes["style"] or "").split(";")
    return {
        name.strip(): value.strip() for name, _, value in (one.partition(":") for one in written) if value
    }


def texts(nested: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a locale file with its key."""
    for key, value in nested.items():
        if isinstance(value, dict):
            yield from texts(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value
