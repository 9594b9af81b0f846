"""The demo shop's checkouts: who is buying, with what code, until it is an order or left behind."""

from __future__ import annotations

import copy
import secrets
from datetime import datetime

from app.demo import payloads, records
from app.demo.carts import Carts
from app.demo.desk import Action
from app.demo.live import (
    Cart,
    CartLine,
    Checkout,
    CheckoutClosedError,
    CodeRefusedError,
    Discount,
    NotFoundError,
)
from app.demo.world import Line, Order


class Checkouts(Carts):
    """A checkout follows its cart until it is completed; from then on the order speaks."""

    def start_checkout(self, cart_token: str, locale: str | None = None) -> Checkout:
        """Opens the cart's checkout; one that is open already gets the cart's present lines."""
        with self._action() as action:
            cart = self.cart(cart_token)
            if cart is None or not cart.lines:
                raise NotFoundError("this cart is empty; put something in before checking out")
            checkout = self.checkout_of(cart.token)
            topic = "checkouts/update"
            if checkout is None:
                checkout, topic = self._new_checkout(cart, locale, action.now), "checkouts/create"
            elif _same_lines(checkout.lines, cart.lines) and checkout.attributes == cart.attributes:
                return checkout
            self._copy_cart(cart, checkout)
            checkout.updated_at = action.now
            action.tell(topic, payloads.checkout(self, checkout))
            return checkout

    def update_checkout(
        self,
        checkout_token: str,
        email: str | None = None,
        accepts_marketing: bool | None = None,
        first_name: str | None = None,
        last_name: str | None = None,
    ) -> Checkout:
        """Notes who is buying: an e-mail address makes a customer, and only a tick subscribes."""
        with self._action() as action:
            checkout = self._open_checkout(checkout_token)
            if first_name is not None:
                checkout.first_name = first_name
            if last_name is not None:
                checkout.last_name = last_name
            if accepts_marketing is not None:
                checkout.accepts_marketing = accepts_marketing
            if email is not None:
                checkout.email = email.strip() or None
            self._know_buyer(checkout, action)
            checkout.updated_at = action.now
            action.tell("checkouts/update", payloads.checkout(self, checkout))
            return checkout

    def apply_code(self, checkout_token: str, code: str | None) -> Checkout:
        """Puts a discount code on (None takes it off); CodeRefusedError says why it can't be used."""
        with self._action() as action:
            checkout = self._open_checkout(checkout_token)
            checkout.discount_code, checkout.discount = None, 0
            if code:
                discount, known_as = self._usable_code(code, checkout, action.now)
                checkout.discount_code = known_as
                checkout.discount = _taken_off(discount, checkout.subtotal)
            checkout.updated_at = action.now
            action.tell("checkouts/update", payloads.checkout(self, checkout))
            return checkout

    def complete_checkout(self, checkout_token: str, landing_site: str | None = None) -> Order:
        """Takes the order: stock goes down, the cart ends, and apps hear of all of it under one event id."""
        with self._action() as action:
            checkout = self._open_checkout(checkout_token)
            if checkout.email is None:
                raise NotFoundError("this checkout has no e-mail address yet; ask for one before paying")
            for line in checkout.lines:
                self._require_stock(*self.variant(line.variant_id), line.quantity)
            if landing_site:
                checkout.landing_site = landing_site
            self._know_buyer(checkout, action)
            order = self._place_order(checkout, action.now)
            self.carts.pop(checkout.cart_token, None)
            checkout.completed_at = checkout.updated_at = action.now
            checkout.order_id = order.id
            action.tell("orders/create", payloads.order(self, order))
            action.tell("checkouts/update", payloads.checkout(self, checkout))
            self._tell_stock_change(order.lines, action)
            self._tell_buyer_change(order, action)
            return order

    def recover(self, cart_token: str, key: str) -> Checkout:
        """Answers a recovery link on any device; the cart is alive again unless it was bought."""
        with self._action() as action:
            checkout = self.checkout_of(cart_token)
            if checkout is None or not secrets.compare_digest(checkout.key, key):
                raise NotFoundError("this link is not valid any more")
            if checkout.completed_at is None and cart_token not in self.carts:
                cart = self._new_cart(action.now, cart_token)
                cart.lines = _copies(checkout.lines)
                self._cart_changed(cart, action)
            return checkout

    def delete_checkout(self, checkout_token: str) -> None:
        with self._action() as action:
            checkout = self.checkouts.pop(self.checkout(checkout_token).token)
            action.tell("checkouts/delete", payloads.deleted_checkout(self, checkout))

    def _open_checkout(self, token: str) -> Checkout:
        checkout = self.checkout(token)
        if checkout.completed_at is not None:
            raise CheckoutClosedError
        return checkout

    def _new_checkout(self, cart: Cart, locale: str | None, now: datetime) -> Checkout:
        checkout_id = self.world.new_id()
        checkout = Checkout(
            id=checkout_id,
            token=secrets.token_hex(16),
            key=secrets.token_hex(16),
            cart_token=cart.token,
            name=f"#{checkout_id}",
            created_at=now,
            updated_at=now,
            locale=locale or self.world.locale,
        )
        self.checkouts[checkout.token] = checkout
        self._checkout_of[cart.token] = checkout.token
        return checkout

    def _copy_cart(self, cart: Cart, checkout: Checkout) -> None:
        checkout.lines = _copies(cart.lines)
        checkout.note = cart.note
        checkout.attributes = dict(cart.attributes)

    def _know_buyer(self, checkout: Checkout, action: Action) -> None:
        if checkout.email is None:
            checkout.customer_id = None
            return
        customer = self.customer_by_email(checkout.email)
        if customer is None:
            customer = self._new_customer(checkout.email, checkout.first_name, checkout.last_name, action)
        elif checkout.first_name and not customer.first_name:
            customer.first_name, customer.last_name = checkout.first_name, checkout.last_name
            customer.updated_at = action.now
            action.tell("customers/update", records.customer(self, customer))
        checkout.customer_id = customer.id
        # An empty box is no opt-out: somebody who subscribed before stays subscribed.
        if checkout.accepts_marketing:
            self._set_consent(customer, "subscribed", action)

    def _place_order(self, checkout: Checkout, now: datetime) -> Order:
        self._last_order_number += 1
        order = Order(
            id=self.world.new_id(),
            name=f"#{self._last_order_number}",
            created_at=now,
            updated_at=now,
            lines=[self._order_line(line) for line in checkout.lines],
            customer_id=checkout.customer_id,
            email=checkout.email,
            cart_token=checkout.cart_token,
            checkout_token=checkout.token,
            landing_site=checkout.landing_site or "/",
            note_attributes=dict(checkout.attributes),
        )
        self.world.orders[order.id] = order
        self._note_order(order)
        for line in order.lines:
            self._move_stock(line, -line.quantity)
        if checkout.discount_code:
            self.order_discounts[order.id] = (checkout.discount_code, checkout.discount)
            self._use_code(checkout.discount_code, checkout.customer_id)
        return order

    def _order_line(self, line: CartLine) -> Line:
        return Line(
            self.world.new_id(),
            line.product_id,
            line.variant_id,
            line.quantity,
            line.price,
            dict(line.properties),
        )

    def _tell_buyer_change(self, order: Order, action: Action) -> None:
        customer = self.world.customers[order.customer_id or 0]
        customer.n_orders += 1
        customer.updated_at = action.now
        action.tell("customers/update", records.customer(self, customer))

    def _find_code(self, code: str) -> tuple[Discount, str] | None:
        """Codes are the same in capitals and small letters, as on Shopify."""
        for discount in self.discounts.values():
            for known_as in discount.codes:
                if known_as.lower() == code.strip().lower():
                    return discount, known_as
        return None

    def _usable_code(self, code: str, checkout: Checkout, now: datetime) -> tuple[Discount, str]:
        found = self._find_code(code)
        if found is None:
            raise CodeRefusedError(f"{code} isn't a code of this shop")
        discount, known_as = found
        if now < discount.starts_at or (discount.ends_at is not None and now >= discount.ends_at):
            raise CodeRefusedError(f"{known_as} isn't valid today")
        if discount.usage_limit is not None and discount.codes[known_as] >= discount.usage_limit:
            raise CodeRefusedError(f"{known_as} was used already")
        if discount.customer_ids is not None and checkout.customer_id not in discount.customer_ids:
            raise CodeRefusedError(f"{known_as} isn't yours to use")
        if discount.applies_once_per_customer and checkout.customer_id in discount.used_by:
            raise CodeRefusedError(f"you used {known_as} before")
        return discount, known_as

    def _use_code(self, code: str, customer_id: int | None) -> None:
        found = self._find_code(code)
        if found is not None:
            found[0].codes[found[1]] += 1
            found[0].used_by.update({customer_id} if customer_id else ())


def _copies(lines: list[CartLine]) -> list[CartLine]:
    """Copies, so that the cart and its checkout do not change under each other."""
    return copy.deepcopy(lines)


def _same_lines(a: list[CartLine], b: list[CartLine]) -> bool:
    return [(x.key, x.quantity) for x in a] == [(x.key, x.quantity) for x in b]


def _taken_off(discount: Discount, subtotal: int) -> int:
    """Minor units, rounded half up; never more than the goods cost."""
    if discount.percentage is not None:
        return min(subtotal, int(subtotal * discount.percentage + 0.5))
    return min(subtotal, discount.amount or 0)
