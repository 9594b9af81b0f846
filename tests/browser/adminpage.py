"""Serves the admin to a real browser and stands in for the platform's App Bridge; decides nothing."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Route

from tests.conftest import PAGE_PATIENCE_SECONDS, ROOT, Shop
from tests.web.adminkit import token_for

AXE = ROOT / "tests" / "fixtures" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SCREENS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}},
    "phone": {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}},
}

# What App Bridge offers that the pages use. The platform's toast is written where a test can read it.
BRIDGE = """
window.shopify = {
  idToken: async () => TOKEN,
  toast: { show: (text) => document.documentElement.dataset.toast = text },
  loading: () => {},
};
"""

THEME = (
    '<a class="button" href="https://ada-tea.myshopify.com/admin" target="_top">Place it in your theme</a>'
)


class AdminTab:
    """A merchant's tab, which remembers every complaint of the browser."""

    def __init__(
        self,
        browser: Browser,
        origin: str,
        shop: Shop,
        *,
        has_bridge: bool = True,
        bridge_extra: str = "",
        **options: Any,
    ) -> None:
        self.context: BrowserContext = browser.new_context(**({"locale": "en-GB"} | options))
        self.context.set_default_timeout(PAGE_PATIENCE_SECONDS * 1000)
        self.page: Page = self.context.new_page()
        self.origin, self.shop = origin, shop
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)
        self.has_bridge, self.bridge_extra = has_bridge, bridge_extra
        self.context.route("https://cdn.shopify.com/**", self._bridge)
        # No platform answers here, and the app would go on asking it after the test has ended;
        # what the theme says is tested where the platform's answer is (tests/web).
        self.context.route(
            "**/admin/shelf-status", lambda route: route.fulfill(content_type="text/html", body=THEME)
        )

    def open(self, path: str) -> Page:
        """Load a page as the platform's admin does: with a session token in its address."""
        joint = "&" if "?" in path else "?"
        self.page.goto(f"{self.origin}{path}{joint}embedded=1&id_token={token_for(self.shop)}")
        return self.page

    def _hear(self, message: Any) -> None:
        if message.type in {"error", "warning"} and "cdn.shopify.com" not in message.location.get("url", ""):
            self.complaints.append(message.text)

    def _bridge(self, route: Route) -> None:
        if not self.has_bridge:
            return route.abort()
        body = BRIDGE.replace("TOKEN", repr(token_for(self.shop, seconds=3600)))
        return route.fulfill(content_type="text/javascript", body=body + self.bridge_extra)


def violations(tab: AdminTab) -> list[str]:
    tab.page.evaluate(AXE.read_text())
    found: Any = tab.page.evaluate("(rules) => axe.run(document, { runOnly: rules })", RULES)
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]
