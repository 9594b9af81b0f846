"""Mails from plan to fate: who is to be written to, what is sent, what is stopped, what was clicked."""

from app.services.messaging.clicks import (
    Destination,
    Reader,
    attribute_order,
    follow,
    reader_of,
    record_click,
)
from app.services.messaging.planning import plan_abandoned_carts, plan_win_backs
from app.services.messaging.sending import Tally, due_shops, send_due
from app.services.messaging.settings import (
    FLOW_KINDS,
    FlowView,
    PostalAddressMissingError,
    UnknownFlowError,
    activate,
    deactivate,
    flows,
    save_texts,
)
from app.services.messaging.stopping import (
    preferences,
    resubscribe,
    set_preferences,
    stop_everything,
    stop_for_order,
    unsubscribe,
)

__all__ = [
    "FLOW_KINDS",
    "Destination",
    "FlowView",
    "PostalAddressMissingError",
    "Reader",
    "Tally",
    "UnknownFlowError",
    "activate",
    "attribute_order",
    "deactivate",
    "due_shops",
    "flows",
    "follow",
    "plan_abandoned_carts",
    "plan_win_backs",
    "preferences",
    "reader_of",
    "record_click",
    "resubscribe",
    "save_texts",
    "send_due",
    "set_preferences",
    "stop_everything",
    "stop_for_order",
    "unsubscribe",
]
