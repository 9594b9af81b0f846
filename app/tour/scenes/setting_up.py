"""The scenes of the merchant: install, import, learn, switch on, and leave and return."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from app.tour.people import DidNotHappenError, shelf
from app.tour.scenes.show import Show


def install(show: Show) -> str:
    """The merchant installs it"""
    landed = show.merchant.install_by_grant()
    topics: set[str] = set()

    def is_installed() -> bool:
        state = show.stage.store("/demo/state")
        topics.update(subscription["topic"].lower() for subscription in state["subscriptions"])
        return state["is_installed"] and "orders/create" in topics

    show.stage.troupe.wait_until("the subscription to the shop's orders", is_installed)
    return f"granted, landed on {urlsplit(landed).path}; {len(topics)} webhook topics"


def import_history(show: Show) -> str:
    """Its history is imported"""
    state, started = show.stage.store("/demo/state"), time.monotonic()
    wanted = state["counts"]
    imported: dict[str, int] = {}

    def is_imported() -> bool:
        seen = show.progress("import")
        if seen.get("state") == "failed":
            raise DidNotHappenError(f"the import failed: {seen.get('error')}")
        imported.update(seen.get("totals", {}))
        return seen.get("state") == "done"

    show.stage.troupe.wait_until("the import", is_imported)
    seconds = time.monotonic() - started
    home = show.merchant.page("/admin/")
    if "The import failed" in home or imported != wanted:
        raise DidNotHappenError(f"the shop has {wanted}, of which came in {imported}")
    rate = wanted["orders"] / max(seconds, 0.01)
    return (
        f"{wanted['products']:,} products, {wanted['customers']:,} customers, {wanted['orders']:,} orders"
        f" in {seconds:.1f} s ({rate:,.0f} orders/s){_left_out(state['rejects'])}"
    )


def _left_out(rejects: list[tuple[int, str]]) -> str:
    """The lines of an order file that could not be read, the first few by number and reason."""
    if not rejects:
        return ""
    named = "; ".join(f"line {line}: {reason}" for line, reason in rejects[:3])
    lines = "1 line" if len(rejects) == 1 else f"{len(rejects)} lines"
    return f"; {lines} of the file could not be read ({named}{' …' if len(rejects) > 3 else ''})"


def learn(show: Show) -> str:
    """A model is trained and published"""
    started, trained = time.monotonic(), {}

    def is_trained() -> bool:
        seen = show.progress("training")
        if seen.get("state") == "failed":
            raise DidNotHappenError(f"the training failed: {seen.get('error')}")
        trained.update(seen)
        return seen.get("state") == "done"

    show.stage.troupe.wait_until("the training", is_trained)
    if not trained.get("n_lists"):
        raise DidNotHappenError("no list was published; the model's card in the admin says why")
    return f"{trained['n_lists']:,} lists under model {trained.get('model_id')} in {time.monotonic() - started:.1f} s"


def switch_on(show: Show) -> str:
    """The merchant switches it on"""
    show.merchant.place_blocks()
    fields = show.merchant.settings()
    fields |= {"postal_address": "1 Demo Street, 1010 Nicosia, Cyprus"}
    fields |= {"flow_abandoned_cart": "on", "flow_win_back": "on"}
    show.merchant.submit("/admin/settings", fields)
    kept = show.merchant.settings()
    if "flow_abandoned_cart" not in kept or "flow_win_back" not in kept:
        raise DidNotHappenError("the settings page does not show both flows as switched on")
    return "address saved, both flows on, shelf placed in the theme"


def leave_and_return(show: Show) -> str:
    """Uninstalled, the shelf goes dark; installed again, it is back"""
    show.merchant.uninstall()
    show.stage.troupe.wait_until(
        "the dark shelf",
        lambda: not shelf(show.stage, show.key, show.product["id"], fresh="1")["products"],
    )
    show.merchant.install_managed()
    show.stage.troupe.wait_until(
        "the shelf's return",
        lambda: bool(shelf(show.stage, show.key, show.product["id"], fresh="2")["products"]),
    )
    n_exchanges = show.stage.store("/demo/state")["n_exchanges"]
    if not n_exchanges:
        raise DidNotHappenError("the second install did not go through token exchange")
    return "the second install went through token exchange; settings and lists were kept"
