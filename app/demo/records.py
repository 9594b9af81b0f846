"""Bodies of product, customer, shop and compliance webhooks as of 2026-07. Reads the shop; sends nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.demo.amounts import amount, gid, local, utc_ms
from app.demo.world import Customer, Product, Variant

if TYPE_CHECKING:
    from app.demo.desk import Desk

Body = dict[str, object]

# Variants whose full data a product payload holds; the rest are named in variant_gids (shopify.dev).
N_FULL_VARIANTS = 100


def product(desk: Desk, of: Product) -> Body:
    """products/create and products/update; tags are one comma string."""
    zone = desk.world.timezone
    image = _image(desk, of)
    return {
        "admin_graphql_api_id": gid("Product", of.id),
        "body_html": of.description,
        "created_at": local(of.created_at, zone),
        "handle": of.handle,
        "id": of.id,
        "product_type": of.product_type,
        "published_at": local(of.created_at, zone) if of.status == "active" else None,
        "template_suffix": None,
        "title": of.title,
        "updated_at": local(of.updated_at, zone),
        "vendor": of.vendor,
        "status": of.status,
        "published_scope": "web",
        "tags": ", ".join(of.tags),
        "variants": [_variant(desk, of, v, i) for i, v in enumerate(of.variants[:N_FULL_VARIANTS], start=1)],
        "options": [_option(of)],
        "images": [image] if image else [],
        "image": image,
        "media": [],
        "variant_gids": [
            {"admin_graphql_api_id": gid("ProductVariant", v.id), "updated_at": utc_ms(of.updated_at)}
            for v in of.variants
        ],
        "has_variants_that_requires_components": False,
        "category": None,
    }


def _variant(desk: Desk, of: Product, variant: Variant, position: int) -> Body:
    zone, currency = desk.world.timezone, desk.world.currency
    before = variant.compare_at_price
    return {
        "admin_graphql_api_id": gid("ProductVariant", variant.id),
        "barcode": None,
        "compare_at_price": None if before is None else amount(before, currency),
        "created_at": local(of.created_at, zone),
        "id": variant.id,
        "inventory_policy": "deny",
        "position": position,
        "price": amount(variant.price, currency),
        "product_id": of.id,
        "sku": variant.sku or None,
        "taxable": True,
        "title": variant.title,
        "updated_at": local(of.updated_at, zone),
        "option1": variant.title,
        "option2": None,
        "option3": None,
        "image_id": None,
        "inventory_item_id": variant.id,
        "inventory_quantity": variant.n_available or 0,
        "old_inventory_quantity": variant.n_available or 0,
    }


def _option(of: Product) -> Body:
    return {
        "id": of.id,
        "product_id": of.id,
        "name": of.option_name,
        "position": 1,
        "values": [v.title for v in of.variants],
    }


def _image(desk: Desk, of: Product) -> Body | None:
    address = desk.picture_url(of)
    if address is None:
        return None
    zone = desk.world.timezone
    return {
        "id": of.id,
        "alt": of.title,
        "position": 1,
        "product_id": of.id,
        "created_at": local(of.created_at, zone),
        "updated_at": local(of.created_at, zone),
        "admin_graphql_api_id": gid("ProductImage", of.id),
        "width": 600,
        "height": 600,
        "src": address,
        "variant_ids": [],
    }


def customer(desk: Desk, of: Customer) -> Body:
    """customers/create and customers/update since 2025-01: no consent, no tags, no counts."""
    return {**nested_customer(desk, of), "addresses": []}


def nested_customer(desk: Desk, of: Customer) -> Body:
    """The customer inside an order or a checkout."""
    zone = desk.world.timezone
    return {
        "id": of.id,
        "created_at": local(of.created_at, zone),
        "updated_at": local(of.updated_at, zone),
        "first_name": of.first_name or None,
        "last_name": of.last_name or None,
        "state": "disabled",
        "note": None,
        "verified_email": of.email is not None,
        "multipass_identifier": None,
        "tax_exempt": False,
        "email": of.email,
        "phone": None,
        "currency": desk.world.currency,
        "tax_exemptions": [],
        "admin_graphql_api_id": gid("Customer", of.id),
        "default_address": None,
    }


def consent(desk: Desk, of: Customer) -> Body:
    """customers_email_marketing_consent/update: the only topic that tells consent."""
    at = of.consent_updated_at
    return {
        "customer_id": of.id,
        "email_address": of.email,
        "email_marketing_consent": {
            "state": of.marketing_state,
            "opt_in_level": of.opt_in_level if of.marketing_state != "not_subscribed" else None,
            "consent_updated_at": None if at is None else local(at, desk.world.timezone),
        },
    }


def deleted(number: int) -> Body:
    """orders/delete and products/delete."""
    return {"id": number}


def deleted_customer(number: int) -> Body:
    return {"id": number, "tax_exemptions": [], "admin_graphql_api_id": gid("Customer", number)}


def merged_customers(kept: int, deleted: int) -> Body:
    return {
        "admin_graphql_api_customer_kept_id": gid("Customer", kept),
        "admin_graphql_api_customer_deleted_id": gid("Customer", deleted),
        "admin_graphql_api_job_id": None,
        "status": "completed",
        "errors": [],
    }


# -- compliance and the app ------------------------------------------------------------------------------


def _concerning(desk: Desk, of: Customer) -> Body:
    return {**shop_redact(desk), "customer": {"id": of.id, "email": of.email, "phone": None}}


def data_request(desk: Desk, of: Customer, order_ids: list[int]) -> Body:
    return {
        **_concerning(desk, of),
        "orders_requested": order_ids,
        "data_request": {"id": desk.world.new_id()},
    }


def redact_request(desk: Desk, of: Customer, order_ids: list[int]) -> Body:
    return {**_concerning(desk, of), "orders_to_redact": order_ids}


def shop_redact(desk: Desk) -> Body:
    return {"shop_id": desk.shop_id, "shop_domain": desk.world.shop_domain}


# Where a shop of that time zone could stand: country code, name, city, post code.
_PLACES = {
    "Asia/Nicosia": ("CY", "Cyprus", "Limassol", "3030"),
    "Europe/London": ("GB", "United Kingdom", "Bath", "BA1 1AA"),
}
_ELSEWHERE = ("IE", "Ireland", "Galway", "H91 0000")


def _address(timezone: str) -> Body:
    code, country, city, post_code = _PLACES.get(timezone, _ELSEWHERE)
    return {
        "country": code,
        "country_code": code,
        "country_name": country,
        "city": city,
        "address1": "1 Corner Street",
        "zip": post_code,
    }


def shop(desk: Desk) -> Body:
    """The shop resource, which is the body of app/uninstalled and shop/update."""
    world = desk.world
    at = local(min((c.created_at for c in world.customers.values()), default=world.starts_at), world.timezone)
    return {
        **dict.fromkeys(_NOT_SAID_OF_A_SHOP),
        "id": desk.shop_id,
        "name": world.shop_name,
        "email": desk.contact_email,
        "customer_email": desk.contact_email,
        "domain": world.shop_domain,
        "myshopify_domain": world.shop_domain,
        **_address(world.timezone),
        "primary_locale": world.locale,
        "created_at": at,
        "updated_at": at,
        "currency": world.currency,
        "enabled_presentment_currencies": [world.currency],
        "timezone": world.timezone,
        "iana_timezone": world.timezone,
        "shop_owner": "Ada Moran",
        "money_format": "{{amount}} " + world.currency,
        "money_with_currency_format": "{{amount}} " + world.currency,
        "money_in_emails_format": "{{amount}} " + world.currency,
        "money_with_currency_in_emails_format": "{{amount}} " + world.currency,
        "weight_unit": "kg",
        "taxes_included": True,
        "plan_display_name": "Basic",
        "plan_name": "basic",
        "primary_location_id": desk.shop_id,
        **dict.fromkeys(
            ("has_discounts", "has_storefront", "eligible_for_payments", "checkout_api_supported"), True
        ),
        **dict.fromkeys(_FALSE_OF_A_SHOP, False),
    }


_NOT_SAID_OF_A_SHOP = [
    "province",
    "province_code",
    "source",
    "phone",
    "latitude",
    "longitude",
    "address2",
    "tax_shipping",
    "county_taxes",
    "auto_configure_tax_inclusivity",
    "google_apps_domain",
    "google_apps_login_enabled",
]
_FALSE_OF_A_SHOP = [
    "has_gift_cards",
    "requires_extra_payments_agreement",
    "password_enabled",
    "finances",
    "multi_location_enabled",
    "setup_required",
    "pre_launch_enabled",
    "marketing_sms_consent_enabled_at_checkout",
    "transactional_sms_disabled",
]
