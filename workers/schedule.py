"""Every periodic task in one list: what, how often in the shop's time, and why."""

from __future__ import annotations

from typing import Any

from app.settings import Settings

# Seconds of the shop's time. Every task is idempotent: two beats at once do no harm, only work.
PERIODS: dict[str, float] = {
    # Mail that is due goes out, and mail whose worker died is taken up again.
    "messaging.send_due": 15,
    # A merchant's way in is mailed, when the nudge was lost.
    "messaging.mail_sign_in_links": 15,
    # So is the test that a merchant asked for.
    "messaging.send_tests": 15,
    # Carts that went cold get a planned message.
    "messaging.plan": 60,
    # So do customers who lapsed; a rhythm is counted in days.
    "messaging.plan_win_backs": 3600,
    # Discount codes for the reminders of the next hour are made ahead.
    "messaging.make_codes": 5 * 60,
    # Deliveries whose nudge was lost are processed.
    "ingest.sweep": 30,
    # Imports and trainings that wait, or whose worker died, are taken up.
    "upkeep.run_jobs": 30,
    # Shops with enough new orders are trained again; a delta whose nudge was lost is asked for again.
    "training.plan": 60,
    # Newly published lists are carried over into themes that show such lists by themselves.
    "upkeep.plan_theme_lists": 5 * 60,
    # What webhooks missed is fetched.
    "upkeep.reconcile": 15 * 60,
    # Shops whose webhooks can't be rested on are asked for carts and orders; the call also wakes their own queue.
    "upkeep.poll": 5 * 60,
    # Their webhooks, which they switch off in silence, are looked after.
    "upkeep.check_webhooks": 3600,
    # Shops that don't let us in are tried again, and their owners told.
    "upkeep.tell_of_lost_access": 3600,
    # What they deleted in silence is found by comparing everything.
    "upkeep.sweep": 24 * 3600,
    # Keys that a shop has handed over are tried and taken, when the nudge was lost.
    "upkeep.take_keys": 30,
    # What came a day late is fetched; subscriptions are listed and repaired; old data is thrown away.
    "upkeep.daily": 24 * 3600,
    # Tokens that no one used stay alive (Shopify's refresh tokens die after 90 days).
    "upkeep.refresh_tokens": 7 * 24 * 3600,
}

# However fast a demo's clock runs, asking the platform more often than this (real seconds) is no use.
_SLOWEST_PACE = {
    "messaging.mail_sign_in_links": 5.0,
    "messaging.send_tests": 5.0,
    "upkeep.reconcile": 30.0,
    "upkeep.poll": 30.0,
    "upkeep.check_webhooks": 60.0,
    "upkeep.tell_of_lost_access": 60.0,
    "upkeep.sweep": 120.0,
    "upkeep.take_keys": 5.0,
    "upkeep.daily": 60.0,
    "upkeep.refresh_tokens": 600.0,
}


def beat_schedule(settings: Settings) -> dict[str, dict[str, Any]]:
    return {
        task: {
            "task": task,
            "schedule": max(settings.period(seconds).total_seconds(), _SLOWEST_PACE.get(task, 1.0)),
            # A tick that waited longer than its period has been overtaken by the next one.
            "options": {"expires": max(60.0, settings.period(seconds).total_seconds())},
        }
        for task, seconds in PERIODS.items()
    }
