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
from app.services.messaging.trying import TestMail, TooManyTestsError, ask_for_test, find_test, send_tests

__all__ = [
    "FLOW_KINDS",
    "Destination",
    "FlowView",
    "PostalAddressMissingError",
    "Reader",
    "Tally",
    "TestMail",
    "TooManyTestsError",
    "UnknownFlowError",
    "activate",
    "ask_for_test",
    "attribute_order",
    "deactivate",
    "due_shops",
    "find_test",
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
    "send_tests",
    "set_preferences",
    "stop_everything",
    "stop_for_order",
    "unsubscribe",
]
