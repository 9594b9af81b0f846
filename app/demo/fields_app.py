"""Fields of the shop, the app's installation, its subscriptions, discounts and the theme. Reads; changes nothing."""

from __future__ import annotations

import hashlib
from fnmatch import fnmatchcase
from typing import Any
from zoneinfo import ZoneInfo

from app.demo import records
from app.demo.amounts import gid, utc
from app.demo.fields import Caller, constant, metafield, register
from app.demo.listing import Listing, count
from app.demo.live import Discount
from app.demo.theme import theme_files
from app.demo.webhooks import Subscription

# Supported on 2026-11-21: four quarters back, and the release candidate (shopify.dev, versioning).
API_VERSIONS = ("2026-01", "2026-04", "2026-07", "2026-10", "unstable")
THEME_ID = 168_734_621_001


def topic_enum(topic: str) -> str:
    return topic.upper().replace("/", "_").replace(".", "_")


def topic_name(enum: str, known: tuple[str, ...]) -> str:
    """ORDERS_CREATE is orders/create; the last underscore is the slash unless a known topic says otherwise."""
    for topic in known:
        if topic_enum(topic) == enum:
            return topic
    head, _, tail = enum.lower().rpartition("_")
    return f"{head}/{tail}"


# -- the shop --------------------------------------------------------------------------------------------


def _offset(caller: Caller) -> int:
    zone = ZoneInfo(caller.store.world.timezone)
    difference = caller.store.now().astimezone(zone).utcoffset()
    return int(difference.total_seconds() // 60) if difference is not None else 0


def _offset_text(minutes: int) -> str:
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"


def _address(caller: Caller) -> dict[str, Any]:
    told = records.shop(caller.store)
    return {
        "__typename": "ShopAddress",
        "id": gid("ShopAddress", caller.store.shop_id),
        "company": told["name"],
        **{
            name: told[name]
            for name in ("address1", "address2", "city", "country", "zip", "phone", "province")
        },
        "countryCodeV2": told["country_code"],
        "provinceCode": told["province_code"],
        "formatted": [told["address1"], f"{told['zip']} {told['city']}", told["country_name"]],
    }


def _domain(caller: Caller) -> dict[str, Any]:
    host = caller.store.world.shop_domain
    url = caller.store.base_url or f"https://{host}"
    return {
        "__typename": "Domain",
        "id": gid("Domain", caller.store.shop_id),
        "host": url.partition("://")[2],
        "url": url,
        "sslEnabled": url.startswith("https"),
    }


def _plan(caller: Caller) -> dict[str, Any]:
    return {
        "displayName": "Basic",
        "publicDisplayName": "Basic",
        "partnerDevelopment": False,
        "shopifyPlus": False,
    }


def _opened_at(caller: Caller) -> str:
    return utc(min((c.created_at for c in caller.store.world.customers.values()), default=caller.store.now()))


register(
    "Shop",
    {
        "id": lambda c, s, a: gid("Shop", s.shop_id),
        "name": lambda c, s, a: s.world.shop_name,
        "email": lambda c, s, a: s.contact_email,
        "contactEmail": lambda c, s, a: s.contact_email,
        "myshopifyDomain": lambda c, s, a: s.world.shop_domain,
        "primaryDomain": lambda c, s, a: _domain(c),
        "url": lambda c, s, a: _domain(c)["url"],
        "currencyCode": lambda c, s, a: c.currency,
        "enabledPresentmentCurrencies": lambda c, s, a: [c.currency],
        "ianaTimezone": lambda c, s, a: s.world.timezone,
        "timezoneAbbreviation": lambda c, s, a: s.now().astimezone(ZoneInfo(s.world.timezone)).tzname(),
        "timezoneOffset": lambda c, s, a: _offset_text(_offset(c)),
        "timezoneOffsetMinutes": lambda c, s, a: _offset(c),
        "billingAddress": lambda c, s, a: _address(c),
        "shopAddress": lambda c, s, a: _address(c),
        "shopOwnerName": constant("Ada Moran"),
        "plan": lambda c, s, a: _plan(c),
        "createdAt": lambda c, s, a: _opened_at(c),
        "updatedAt": lambda c, s, a: _opened_at(c),
        "unitSystem": constant("METRIC_SYSTEM"),
        "weightUnit": constant("KILOGRAMS"),
        "taxesIncluded": constant(True),
        "setupRequired": constant(False),
        "metafield": lambda c, s, a: metafield(c, gid("Shop", s.shop_id), a),
    },
)


# -- the app ---------------------------------------------------------------------------------------------


def scope_objects(scopes: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"handle": s, "description": s.replace("_", " ").capitalize()} for s in scopes]


def app_object(caller: Caller) -> dict[str, Any]:
    config = caller.shop.config
    return {
        "__typename": "App",
        "id": gid("App", 1),
        "title": config.name,
        "handle": config.handle,
        "apiKey": config.client_id,
        "embedded": True,
        "requestedAccessScopes": scope_objects(config.scopes),
        "optionalAccessScopes": scope_objects(config.optional_scopes),
        "webhookApiVersion": config.api_version,
    }


def installation_object(caller: Caller) -> dict[str, Any]:
    admin = f"{caller.store.base_url}/admin/apps"
    return {
        "__typename": "AppInstallation",
        "id": gid("AppInstallation", 1),
        "accessScopes": scope_objects(caller.token.scopes),
        "launchUrl": f"{admin}/{caller.shop.config.handle}",
        "uninstallUrl": admin,
    }


register("App", {"installation": lambda c, app, a: installation_object(c)})
register(
    "AppInstallation",
    {
        "app": lambda c, installation, a: app_object(c),
        "metafield": lambda c, installation, a: metafield(c, gid("AppInstallation", 1), a),
    },
)


def version_object(handle: str) -> dict[str, Any]:
    return {"handle": handle, "displayName": handle, "supported": handle in API_VERSIONS}


def subscription_object(of: Subscription) -> dict[str, Any]:
    return {
        "__typename": "WebhookSubscription",
        "id": gid("WebhookSubscription", of.id),
        "legacyResourceId": str(of.id),
        "apiVersion": version_object(of.api_version),
        "callbackUrl": of.uri,
        "uri": of.uri,
        "endpoint": {"__typename": "WebhookHttpEndpoint", "callbackUrl": of.uri},
        "topic": topic_enum(of.topic),
        "format": "JSON",
        "filter": "",
        "includeFields": list(of.include_fields),
        "metafieldNamespaces": [],
        "name": of.name,
        "createdAt": utc(of.created_at),
        "updatedAt": utc(of.updated_at),
    }


# -- discounts -------------------------------------------------------------------------------------------


def _status(caller: Caller, discount: Discount) -> str:
    now = caller.store.now()
    if discount.ends_at is not None and discount.ends_at <= now:
        return "EXPIRED"
    return "SCHEDULED" if discount.starts_at > now else "ACTIVE"


def _summary(caller: Caller, discount: Discount) -> str:
    if discount.percentage is not None:
        return f"{discount.percentage:.0%} off entire order"
    return f"{discount.amount} off entire order"


def code_object(discount: Discount, code: str) -> dict[str, Any]:
    number = int.from_bytes(hashlib.sha256(f"{discount.id} {code}".encode()).digest()[:6])
    return {"id": gid("DiscountRedeemCode", number), "code": code, "asyncUsageCount": discount.codes[code]}


def batch_object(caller: Caller, number: int) -> dict[str, Any] | None:
    kept = caller.shop.code_batches.get(number)
    if kept is None:
        return None
    discount, imported, refused = kept.discount, kept.imported, kept.refused
    waiting = () if kept.is_done else kept.wanted
    return {
        "__typename": "DiscountRedeemCodeBulkCreation",
        "id": gid("DiscountRedeemCodeBulkCreation", number),
        "codesCount": len(kept.wanted),
        "importedCount": len(imported),
        "failedCount": len(refused),
        "done": kept.is_done,
        "createdAt": utc(kept.created_at),
        "discountCode": discount,
        "codes": Listing(
            [{"code": x, "discountRedeemCode": code_object(discount, x), "errors": []} for x in imported]
            + [{"code": x, "discountRedeemCode": None, "errors": [_TAKEN]} for x in refused]
            + [{"code": x, "discountRedeemCode": None, "errors": []} for x in waiting]
        ),
    }


_TAKEN = {
    "__typename": "DiscountUserError",
    "code": "TAKEN",
    "field": ["code"],
    "message": "Code must be unique. Please try a different code.",
    "extraInfo": None,
}

register(
    "DiscountCodeNode",
    {"id": lambda c, d, a: gid("DiscountCodeNode", d.id), "codeDiscount": lambda c, d, a: CodeBasic(d)},
)


class CodeBasic:
    """The discount as DiscountCodeBasic, told apart from the node that holds it."""

    graphql_type = "DiscountCodeBasic"

    def __init__(self, discount: Discount) -> None:
        self.of = discount


register(
    "DiscountCodeBasic",
    {
        "title": lambda c, d, a: d.of.title,
        "status": lambda c, d, a: _status(c, d.of),
        "summary": lambda c, d, a: _summary(c, d.of),
        "shortSummary": lambda c, d, a: _summary(c, d.of),
        "createdAt": lambda c, d, a: utc(d.of.starts_at),
        "updatedAt": lambda c, d, a: utc(d.of.starts_at),
        "startsAt": lambda c, d, a: utc(d.of.starts_at),
        "endsAt": lambda c, d, a: utc(d.of.ends_at) if d.of.ends_at else None,
        "usageLimit": lambda c, d, a: d.of.usage_limit,
        "appliesOncePerCustomer": lambda c, d, a: d.of.applies_once_per_customer,
        "asyncUsageCount": lambda c, d, a: sum(d.of.codes.values()),
        "codes": lambda c, d, a: Listing([code_object(d.of, x) for x in d.of.codes]),
        "codesCount": lambda c, d, a: count(len(d.of.codes), None),
        "tags": lambda c, d, a: [],
        "hasTimelineComment": constant(False),
    },
)


# -- the theme -------------------------------------------------------------------------------------------


def theme_object(caller: Caller) -> dict[str, Any]:
    return {
        "__typename": "OnlineStoreTheme",
        "id": gid("OnlineStoreTheme", THEME_ID),
        "name": "Larder",
        "role": "MAIN",
        "processing": False,
        "processingFailed": False,
        "prefix": "/t/1",
        "themeStoreId": None,
        "createdAt": _opened_at(caller),
        "updatedAt": _opened_at(caller),
    }


def _files(caller: Caller, theme: Any, args: dict[str, Any]) -> Listing:
    wanted = args.get("filenames")
    kept = theme_files(caller.store.theme, caller.shop.config)
    return Listing(
        [
            {
                "filename": name,
                "body": {"__typename": "OnlineStoreThemeFileBodyText", "content": content},
                "checksumMd5": hashlib.md5(content.encode(), usedforsecurity=False).hexdigest(),
                "contentType": "application/json",
                "size": str(len(content.encode())),
                "createdAt": _opened_at(caller),
                "updatedAt": _opened_at(caller),
            }
            for name, content in sorted(kept.items())
            if wanted is None or any(fnmatchcase(name, pattern) for pattern in wanted)
        ]
    )


register("OnlineStoreTheme", {"files": _files})
register("OnlineStoreThemeFileConnection", {"userErrors": lambda c, page, a: []})
