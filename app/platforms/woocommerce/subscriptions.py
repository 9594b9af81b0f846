"""Our webhooks in one WooCommerce shop: made, mended, and taken out again; what they bring is `read`'s."""

from __future__ import annotations

from dataclasses import dataclass

from app.platforms.base import Hook, PlatformError, WebhookHealth
from app.platforms.fields import Body
from app.platforms.woocommerce.rest import Rest
from app.platforms.woocommerce.topics import CALLBACK_PATH, TOPICS


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """The webhooks of one shop that lead here."""

    rest: Rest
    app_url: str

    def ensure(self, hook: Hook) -> WebhookHealth:
        """Have one active webhook a topic at our address with our secret; make anew what is not so.

        A webhook that core disabled after its failures is deleted and made again: set to active it would be
        disabled by the very next failure, as its count stays (measured).
        """
        ours, address = f"{self.app_url}{CALLBACK_PATH}", f"{self.app_url}{CALLBACK_PATH}{hook.token}"
        healthy: set[str] = set()
        for row in list(self.rest.pages("wc/v3/webhooks", {"orderby": "id", "order": "asc"})):
            body = Body(row)
            target, topic, number = body.text("delivery_url") or "", body.text("topic") or "", body.id("id")
            if not target.startswith(ours) or number is None:
                continue
            if (
                target == address
                and body.text("status") == "active"
                and topic in TOPICS
                and topic not in healthy
            ):
                healthy.add(topic)
            else:
                self.rest.delete(f"wc/v3/webhooks/{number}")
        repaired, refused = [], {}
        for topic in TOPICS:
            if topic in healthy:
                continue
            reason = self._subscribe(topic, address, hook.secret)
            if reason is None:
                repaired.append(topic)
            else:
                refused[topic] = reason
        return WebhookHealth(
            tuple(topic for topic in TOPICS if topic not in refused), tuple(repaired), refused
        )

    def _subscribe(self, topic: str, address: str, secret: str) -> str | None:
        """Make one webhook; the reason when the shop refuses. Core calls us before this returns (a ping)."""
        body = {"name": f"Regulars {topic}", "topic": topic, "delivery_url": address, "secret": secret}
        try:
            self.rest.post("wc/v3/webhooks", {**body, "status": "active"})
        except PlatformError as error:
            if error.permanent and "refused (4" in str(error):
                return str(error)
            raise
        return None

    def remove(self) -> None:
        """Take our webhooks out of the shop: it is being disconnected."""
        for row in list(self.rest.pages("wc/v3/webhooks", {})):
            if str(row.get("delivery_url", "")).startswith(f"{self.app_url}{CALLBACK_PATH}"):
                number = Body(row).id("id")
                if number is not None:
                    self.rest.delete(f"wc/v3/webhooks/{number}")
