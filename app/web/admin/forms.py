"""Reads the settings' forms into a policy, or says per field what is wrong; it stores nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import time
from hashlib import blake2s

from app.domain.policy import (
    CartFlowPolicy,
    MailPolicy,
    OfferPolicy,
    SenderPolicy,
    ShopPolicy,
    WinBackPolicy,
)
from app.mail.addresses import BadAddressError, read_recipient
from app.web.admin.speech import _

# Characters. A subject line's worth for a name; a postal address of six lines; a heading that stays on one.
LONGEST_NAME, LONGEST_ADDRESS, LONGEST_HEADING = 80, 400, 60

# The steps of the knob between specific and popular; the model takes any number from -1 to 1.
LEANINGS = (-1.0, -0.5, 0.0, 0.5, 1.0)


@dataclass(slots=True)
class Form:
    """The submitted fields and what is wrong with them, by field."""

    fields: Mapping[str, str]
    errors: dict[str, str] = field(default_factory=dict)

    def text(self, name: str, longest: int) -> str:
        """One line or several, without the space around; too long, or with what no mail can show, is an error."""
        value = self.fields.get(name, "").replace("\r\n", "\n").strip()
        if any(ord(character) < 32 and character not in "\n\t" for character in value):
            self.errors[name] = _("This has characters in it that can't be shown; please write it anew.")
        if len(value) > longest:
            told = _("This has %(n)s characters; please keep it to %(most)s.", n=len(value), most=longest)
            self.errors[name] = told
        return value

    def line(self, name: str, longest: int) -> str:
        """One line; a line break in it would end a mail's header and begin another."""
        value = self.text(name, longest)
        if any(ord(character) < 32 or ord(character) == 127 for character in value):
            self.errors[name] = _("Please write this on one line.")
        return value

    def email(self, name: str) -> str:
        """An address mail can be sent to, or nothing."""
        value = self.line(name, 254)
        if value and name not in self.errors:
            try:
                read_recipient(value)
            except BadAddressError:
                self.errors[name] = _("This is not an e-mail address. One looks like shop@example.com.")
        return value

    def integer(self, name: str, least: int, most: int) -> int:
        value = self.fields.get(name, "").strip()
        if value.isascii() and value.isdigit() and len(value) <= 9 and least <= int(value) <= most:
            return int(value)
        told = _("Please enter a whole number from %(least)s to %(most)s.", least=least, most=most)
        self.errors[name] = told
        return least

    def number(self, name: str, least: float, most: float) -> float:
        value = self.fields.get(name, "").strip().replace(",", ".")
        try:
            found = float(value)
        except ValueError:
            found = float("nan")
        if least <= found <= most:
            return found
        told = _("Please enter a number from %(least)s to %(most)s.", least=least, most=most)
        self.errors[name] = told
        return least

    def clock_time(self, name: str) -> time:
        value = self.fields.get(name, "").strip()
        try:
            return time.fromisoformat(value).replace(tzinfo=None, second=0, microsecond=0)
        except ValueError:
            self.errors[name] = _("Please enter a time of day such as 21:00.")
            return time(0, 0)

    def is_on(self, name: str) -> bool:
        return self.fields.get(name) == "on"


def read_settings(
    fields: Mapping[str, str], policy: ShopPolicy, other_senders: Sequence[str] = ()
) -> tuple[ShopPolicy, Form]:
    """The policy with the settings page's fields in it. Use it only when the form has no errors.

    `other_senders` are those the page asked about.
    """
    form = Form(fields)
    changed = replace(
        policy,
        sender=_sender(form, policy.sender),
        mail=_mail(form),
        cart=_cart(form, policy.cart, other_senders),
        offer=_offer(form, policy.offer),
        win_back=_win_back(form, policy.win_back),
        shelf=replace(policy.shelf, is_in_theme=form.is_on("is_in_theme")),
        counts_visits=form.is_on("counts_visits"),
    )
    return changed, form


def read_shelf(fields: Mapping[str, str], policy: ShopPolicy) -> tuple[ShopPolicy, Form]:
    """The policy with the shelf's fields in it. Use it only when the form has no errors.

    How many products a shelf shows is the placement's: the theme reserves their room before anything loads.
    """
    form = Form(fields)
    leaning = form.number("leaning", -1, 1)
    shelf = replace(
        policy.shelf,
        heading=form.line("heading", LONGEST_HEADING),
        leaning=leaning,
        is_shown=form.is_on("is_shown"),
    )
    return replace(policy, shelf=shelf), form


def nearest_leaning(leaning: float) -> float:
    return min(LEANINGS, key=lambda step: abs(step - leaning))


def _sender(form: Form, sender: SenderPolicy) -> SenderPolicy:
    """The sending address is the operator's: a domain of the merchant's own would need its DNS set up first."""
    return replace(
        sender,
        name=form.line("sender_name", LONGEST_NAME),
        reply_to=form.email("reply_to"),
        postal_address=form.text("postal_address", LONGEST_ADDRESS),
    )


def _mail(form: Form) -> MailPolicy:
    per_day, per_week = form.integer("max_per_day", 0, 10), form.integer("max_per_week", 0, 50)
    if per_week < per_day and not {"max_per_day", "max_per_week"} & set(form.errors):
        form.errors["max_per_week"] = _("A week can't hold fewer mails than one of its days.")
    return MailPolicy(
        max_per_day=per_day,
        max_per_week=per_week,
        quiet_from=form.clock_time("quiet_from"),
        quiet_until=form.clock_time("quiet_until"),
        holdout_share=form.integer("holdout_percent", 0, 50) / 100,
    )


def sender_field(name: str) -> str:
    """The field by which the merchant says that this other sender does not mail about carts."""
    return f"sender_off_{blake2s(name.encode(), digest_size=6).hexdigest()}"


def _cart(form: Form, cart: CartFlowPolicy, other_senders: Sequence[str]) -> CartFlowPolicy:
    wait = form.integer("cart_wait_minutes", 15, 7 * 24 * 60)
    give_up = form.integer("cart_give_up_after_hours", 1, 30 * 24)
    if wait >= give_up * 60 and not {"cart_wait_minutes", "cart_give_up_after_hours"} & set(form.errors):
        told = _("The reminder would always come too late: it waits longer than this.")
        form.errors["cart_give_up_after_hours"] = told
    said_before = (name for name in cart.senders_off if name not in other_senders)
    said_now = (name for name in other_senders if form.is_on(sender_field(name)))
    is_asked = "asks_typed" in form.fields  # the switch is there where a checkout can tell such addresses
    return replace(
        cart,
        wait_minutes=wait,
        give_up_after_hours=give_up,
        takes_typed_addresses=form.is_on("takes_typed") if is_asked else cart.takes_typed_addresses,
        senders_off=(*said_before, *said_now),
    )


def _offer(form: Form, offer: OfferPolicy) -> OfferPolicy:
    """The form lacks these fields where the shop's platform makes no codes."""
    if "offer_percent" not in form.fields:
        return replace(offer, is_on=False)
    return OfferPolicy(
        is_on=form.is_on("offer"),
        percent=form.integer("offer_percent", 1, 90),
        valid_days=form.integer("offer_valid_days", 1, 60),
    )


def _win_back(form: Form, policy: WinBackPolicy) -> WinBackPolicy:
    least, default = (
        form.integer("win_back_min_days", 7, 730),
        form.integer("win_back_default_days", 7, 730),
    )
    if default < least and not {"win_back_min_days", "win_back_default_days"} & set(form.errors):
        form.errors["win_back_default_days"] = _("This can't be shorter than the shortest silence.")
    return replace(
        policy,
        factor=form.number("win_back_factor", 1, 10),
        min_days=least,
        default_days=default,
        max_per_day=form.integer("win_back_max_per_day", 1, 100_000),
    )
