"""What the extension's blocks print: the widget's contract to the letter, and nothing a shop could break out of."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.browser.widget.pages import printed_skeleton
from tests.unit.shopify_extension.rendering import ShopPage, elements, shelf_attributes, styles

HOSTILE = """"'><script>alert(1)</script><img src=x onerror=alert(1)>&quot;{{ shop }}"""


def test_a_product_page_prints_every_attribute_of_the_contract() -> None:
    attributes = shelf_attributes(ShopPage().render())
    attributes.pop("style")
    assert attributes == {
        "shop": "pk_ada",
        "api": "https://regulars.example",
        "proxy": "/apps/regulars",
        "placement": "product",
        "product": "8123456789",
        "heading": "You may also like",
        "limit": "4",
        "layout": "grid",
        "locale": "en",
        "currency": "EUR",
        "money-format": "€{{amount}}",
        "cart": "/cart.js",
        "label-add": "Add to cart",
        "label-adding": "Adding…",
        "label-added": "Added",
        "label-choose": "Choose options",
        "label-error": "Could not be added",
        "label-from": "From",
        "label-was": "Was",
        "label-next": "Next",
        "label-previous": "Previous",
        "data-block": "1",
    }


@pytest.mark.parametrize(
    ("page_type", "settings", "placement", "product", "heading"),
    [
        ("product", {}, "product", "8123456789", "You may also like"),
        ("product", {"product": {"id": 77}}, "product", "77", "You may also like"),
        ("cart", {}, "cart", None, "You may also like"),
        ("cart", {"product": {"id": 77}}, "cart", None, "You may also like"),
        ("index", {}, "home", None, "Popular right now"),
        ("index", {"product": {"id": 77}}, "home", "77", "You may also like"),
        ("index", {"heading": "From our kiln"}, "home", None, "From our kiln"),
    ],
)
def test_each_page_asks_for_its_own_placement(
    page_type: str, settings: dict[str, Any], placement: str, product: str | None, heading: str
) -> None:
    attributes = shelf_attributes(ShopPage(page_type, settings=settings).render())
    assert attributes["placement"] == placement
    assert attributes.get("product") == product
    assert attributes["heading"] == heading


@pytest.mark.parametrize(
    ("layout", "limit", "quick_add"), [("grid", 2, True), ("grid", 4, False), ("carousel", 12, True)]
)
def test_the_skeleton_is_the_one_the_widgets_readme_lays_down(
    layout: str, limit: int, quick_add: bool
) -> None:
    page = ShopPage(settings={"layout": layout, "n_products": limit, "quick_add": quick_add}).render()
    printed = re.search(r"<template.*</template>", page, re.DOTALL)
    expected = {"heading": "You may also like", "limit": str(limit), "layout": layout, "cart": "/cart.js"}
    if not quick_add:
        expected["quick-add"] = "off"
    assert printed is not None
    assert _without_blanks(printed[0]) == _without_blanks(printed_skeleton(expected))
    assert shelf_attributes(page).get("quick-add") == (None if quick_add else "off")


def _without_blanks(html: str) -> str:
    return re.sub(r"\s+(?=<)|(?<=>)\s+", "", html.replace("\n</style>", "</style>")).strip()


@pytest.mark.parametrize(
    ("language", "heading", "add"),
    [
        ("el", "Μπορεί να σας αρέσουν", "Προσθήκη στο καλάθι"),
        ("sr", "Možda će vam se dopasti", "Dodaj u korpu"),
        ("ru", "Вам может понравиться", "В корзину"),
        ("ro", "S-ar putea să vă placă", "Adaugă în coș"),
        ("tr", "Bunlar da hoşunuza gidebilir", "Sepete ekle"),
        ("fr", "You may also like", "Add to cart"),
    ],
)
def test_a_shelf_speaks_the_language_of_its_page(language: str, heading: str, add: str) -> None:
    page = ShopPage(language=language, cart_url=f"/{language}/cart").render()
    attributes = shelf_attributes(page)
    assert (attributes["heading"], attributes["label-add"], attributes["locale"]) == (heading, add, language)
    assert attributes["cart"] == f"/{language}/cart.js"
    assert page.count(f">{add}</span>") == 4


def test_looks_that_the_merchant_did_not_choose_stay_the_themes() -> None:
    assert styles(shelf_attributes(ShopPage().render())) == {
        "--regulars-columns": "4",
        "--regulars-gap": "16px",
        "--regulars-radius": "4px",
        "--regulars-image-ratio": "1",
    }


def test_looks_that_the_merchant_chose_become_the_widgets_variables() -> None:
    chosen = {
        "n_products": 3,
        "columns": 6,
        "gap": 24,
        "radius": 0,
        "image_ratio": "0.8",
        "color": "#112233",
        "button_background": "#445566",
        "button_color": "rgba(255, 255, 255, 0.9)",
        "button_border": "#778899",
    }
    assert styles(shelf_attributes(ShopPage(settings=chosen).render())) == {
        "--regulars-columns": "3",
        "--regulars-gap": "24px",
        "--regulars-radius": "0px",
        "--regulars-image-ratio": "0.8",
        "--regulars-button-background": "#445566",
        "--regulars-button-color": "rgba(255, 255, 255, 0.9)",
        "--regulars-button-border": "#778899",
        "color": "#112233",
    }


def test_no_text_of_a_shop_can_leave_its_place() -> None:
    hostile = ShopPage(
        shop_key=HOSTILE,
        api_url=HOSTILE,
        currency=HOSTILE,
        cart_url=HOSTILE,
        settings=dict.fromkeys(("heading", "color", "button_background", "layout"), HOSTILE),
    )
    page, plain = hostile.render(), ShopPage(settings={"color": "#000", "button_background": "#000"}).render()
    assert [element.tag for element in elements(page)] == [element.tag for element in elements(plain)]
    attributes = shelf_attributes(page)
    assert attributes.keys() == shelf_attributes(plain).keys()
    assert {attributes[name] for name in ("shop", "api", "currency", "heading", "layout")} == {HOSTILE}


@pytest.mark.parametrize(
    ("money_format", "read"),
    [
        ("€{{amount}}", "€{{amount}}"),
        ("<span class=money>&pound;{{amount}}</span>", "£{{amount}}"),
        (
            '<span class="money">{{amount_with_comma_separator}} kr</span>',
            "{{amount_with_comma_separator}} kr",
        ),
        ('{{amount}} "din" & co', '{{amount}} "din" & co'),
    ],
)
def test_a_money_format_arrives_without_tags_and_with_its_entities(money_format: str, read: str) -> None:
    assert shelf_attributes(ShopPage(money_format=money_format).render())["money-format"] == read


@pytest.mark.parametrize("missing", ["shop_key", "api_url"])
def test_before_the_app_is_connected_shoppers_get_nothing_and_the_editor_says_why(missing: str) -> None:
    assert ShopPage(**{missing: None}).render().strip() == ""
    told = ShopPage(is_editor=True, **{missing: None}).render()
    assert "This shelf is not connected yet." in told
    assert elements(told, "regulars-shelf") == []


def test_only_the_editor_prints_the_note_on_an_empty_shelf() -> None:
    assert "Nothing to show here yet" in ShopPage(is_editor=True).render()
    assert "regulars-note" not in ShopPage().render()


@pytest.mark.parametrize("block", ["shelf", "regulars-embed"])
def test_the_script_comes_from_the_shops_own_files_and_waits_for_nothing(block: str) -> None:
    (script,) = elements(ShopPage().render(block), "script")
    assert script.attributes == {"src": "/extension/assets/regulars.js", "async": None}


def test_the_embed_prints_nothing_but_the_script() -> None:
    assert ShopPage().render("regulars-embed").strip() == (
        '<script src="/extension/assets/regulars.js" async></script>'
    )
