"""The demo's scenes, in order: what is done, and what is then seen from outside. The first unseen one ends the show."""

from app.tour.scenes.mail import (
    come_back,
    read_mail,
    receive_cart_mails,
    stay_silent,
    unsubscribe,
    win_back,
)
from app.tour.scenes.setting_up import import_history, install, learn, leave_and_return, switch_on
from app.tour.scenes.shopping import CHROMIUM, leave_carts, show_in_browser, show_shelf
from app.tour.scenes.show import Scene, Show
from app.tour.scenes.webhooks import lose_nothing, refuse_forgeries

__all__ = [
    "CHROMIUM",
    "OPENING",
    "SCENES",
    "Scene",
    "Show",
    "come_back",
    "import_history",
    "install",
    "learn",
    "leave_and_return",
    "leave_carts",
    "lose_nothing",
    "read_mail",
    "receive_cart_mails",
    "refuse_forgeries",
    "show_in_browser",
    "show_shelf",
    "stay_silent",
    "switch_on",
    "unsubscribe",
    "win_back",
]

SCENES: tuple[Scene, ...] = (
    install,
    import_history,
    learn,
    switch_on,
    show_shelf,
    show_in_browser,
    leave_carts,
    receive_cart_mails,
    read_mail,
    come_back,
    stay_silent,
    unsubscribe,
    win_back,
    refuse_forgeries,
    lose_nothing,
    leave_and_return,
)

# Up to here the demo that stays open goes by itself; the rest is for its visitor to try.
OPENING: tuple[Scene, ...] = (
    install,
    import_history,
    learn,
    switch_on,
    show_shelf,
    leave_carts,
    receive_cart_mails,
)
