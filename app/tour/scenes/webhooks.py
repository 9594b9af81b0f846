"""The scenes of what the shop sends: forgeries are refused, and nothing is lost."""

from __future__ import annotations

from urllib.parse import quote

import requests

from app.tour.people import TIMEOUT, DidNotHappenError
from app.tour.scenes.show import Show


def refuse_forgeries(show: Show) -> str:
    """Forged and oversized webhooks are refused"""
    url = f"{show.stage.app_url}/webhooks/shopify"
    headers = {
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Shop-Domain": show.stage.store("/demo/state")["shop"],
    }
    unsigned = requests.post(url, data=b"{}", headers=headers, timeout=TIMEOUT).status_code
    forged = requests.post(
        url, data=b"{}", headers={**headers, "X-Shopify-Hmac-Sha256": quote("x" * 44)}, timeout=TIMEOUT
    ).status_code
    large = requests.post(url, data=b"x" * 6_000_000, headers=headers, timeout=TIMEOUT).status_code
    if (unsigned, forged, large) != (401, 401, 413):
        raise DidNotHappenError(f"unsigned, forged and oversized were answered {unsigned}, {forged}, {large}")
    return "unsigned 401, forged 401, 6 MB 413"


def lose_nothing(show: Show) -> str:
    """What the shop sent has been carried out"""
    show.stage.troupe.wait_until("the end of the deliveries", show.merchant.has_read_everything)
    counts = show.stage.store("/demo/state")["deliveries"]
    n_dead = show.merchant.activity("Could not be read")
    if n_dead:
        raise DidNotHappenError(f"{n_dead} deliveries could not be read")
    return "; ".join(f"{value} {name}" for name, value in counts.items() if isinstance(value, int) and value)
