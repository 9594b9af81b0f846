"""Why a mail was not sent, or not yet: the ledger's vocabulary, with the words that merchants read."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Stored beside every message that is not simply sent."""

    # Held back for good.
    ERASED = "erased"
    SUPPRESSED = "suppressed"
    NO_CONSENT = "no_consent"
    CONSENT_PENDING = "consent_pending"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    NO_ADDRESS = "no_address"
    SHOP_DISCONNECTED = "shop_disconnected"
    FLOW_OFF = "flow_off"
    NO_POSTAL_ADDRESS = "no_postal_address"
    OTHER_SENDER = "other_sender"
    ORDERED = "ordered"
    CART_REMOVED = "cart_removed"
    CART_EMPTY = "cart_empty"
    NEWER_CART = "newer_cart"
    TOO_OLD = "too_old"
    CAP_IS_ZERO = "cap_is_zero"
    HOLDOUT = "holdout"
    # Put off.
    NEEDS_RECONNECT = "needs_reconnect"
    CART_ACTIVE = "cart_active"
    ORDER_CHECK_MISSING = "order_check_missing"
    CODE_MISSING = "code_missing"
    CAP = "cap"
    QUIET_HOURS = "quiet_hours"
    DEFERRED = "deferred"
    LEASE_OVER = "lease_over"
    # Ended without a mail, or without certainty.
    BOUNCED = "bounced"
    REFUSED = "refused"
    CANNOT_RENDER = "cannot_render"
    GAVE_UP = "gave_up"
    OUTCOME_UNKNOWN = "outcome_unknown"


_WORDS = {
    Reason.ERASED: "This person asked to be forgotten.",
    Reason.SUPPRESSED: "This person unsubscribed, or their address does not take mail.",
    Reason.NO_CONSENT: "This person has not agreed to marketing e-mail.",
    Reason.CONSENT_PENDING: "This person agreed but has not confirmed it yet (double opt-in).",
    Reason.CONSENT_WITHDRAWN: "This person withdrew their agreement to marketing e-mail.",
    Reason.NO_ADDRESS: "There is no usable e-mail address.",
    Reason.SHOP_DISCONNECTED: "The shop was disconnected, or the app uninstalled from it.",
    Reason.FLOW_OFF: "This flow is switched off.",
    Reason.NO_POSTAL_ADDRESS: "Your postal address is missing in the settings; the law asks for it in every mail.",
    Reason.OTHER_SENDER: "Something else in the shop sends cart reminders too; the settings name it.",
    Reason.ORDERED: "They bought before the mail went out.",
    Reason.CART_REMOVED: "The cart is no longer there.",
    Reason.CART_EMPTY: "The cart was emptied.",
    Reason.NEWER_CART: "This person has started a newer cart; the reminder is about that one.",
    Reason.TOO_OLD: "It was too long ago for a mail to make sense.",
    Reason.CAP_IS_ZERO: "The settings allow no mails at all.",
    Reason.HOLDOUT: "Left alone on purpose, to measure what your mails earn.",
    Reason.NEEDS_RECONNECT: "Waiting: open the app in your shop's admin once to reconnect it.",
    Reason.CART_ACTIVE: "Waiting: the cart is in use again.",
    Reason.ORDER_CHECK_MISSING: "Waiting: the shop could not be asked whether they bought already.",
    Reason.CODE_MISSING: "Waiting: the shop has not made the discount code yet.",
    Reason.CAP: "Waiting: this person had enough mail from you for now.",
    Reason.QUIET_HOURS: "Waiting for the end of the quiet hours where this person lives.",
    Reason.DEFERRED: "Waiting: the mail server asked to try again later.",
    Reason.LEASE_OVER: "Waiting: the sender was interrupted before anything went out.",
    Reason.BOUNCED: "The address does not exist; it will not be written to again.",
    Reason.REFUSED: "The mail server refused this mail.",
    Reason.CANNOT_RENDER: "The mail could not be written from its template.",
    Reason.GAVE_UP: "Tried several times without success.",
    Reason.OUTCOME_UNKNOWN: "The connection broke while the mail was handed over. It may have arrived, "
    "so it is not sent again.",
}


def describe(reason: str) -> str:
    """The reason in words for the merchant; one this version doesn't know is shown as it is stored."""
    try:
        return _WORDS[Reason(reason)]
    except ValueError:
        return reason.replace("_", " ").capitalize() + "."
