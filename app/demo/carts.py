"""The demo shop's carts: what a shopper puts in, changes and takes out before checking out."""

from __future__ import annotations

import base64
import secrets
from datetime import datetime

from app.demo import payloads
from app.demo.desk import Action, Desk
from app.demo.live import Cart, CartLine, NotFoundError
from app.demo.world import Product, Variant


class Carts(Desk):
    """Carts begin with the first thing put in, and end with the order."""

    def add_to_cart(
        self, token: str | None, variant_id: int, quantity: int = 1, properties: dict[str, str] | None = None
    ) -> Cart:
        """Puts a variant in; an unknown token (or None) begins a new cart, whose token the answer holds."""
        with self._action() as action:
            product, variant = self.variant(variant_id)
            if quantity < 1:
                raise ValueError(f"quantity is {quantity}; add 1 or more")
            cart = self.cart(token) or self._new_cart(action.now)
            wanted = {str(k): str(v) for k, v in (properties or {}).items()}
            line = next(
                (x for x in cart.lines if x.variant_id == variant_id and x.properties == wanted), None
            )
            in_cart = sum(x.quantity for x in cart.lines if x.variant_id == variant_id)
            self._require_stock(product, variant, in_cart + quantity)
            if line is None:
                cart.lines.insert(0, self._new_line(product, variant, quantity, wanted))
            else:
                line.quantity += quantity
            self._cart_changed(cart, action)
            return cart

    def change_line(self, token: str | None, key: str, quantity: int) -> Cart:
        """Sets a line's quantity; 0 takes it out. Nothing is told when nothing changed."""
        with self._action() as action:
            cart = self.cart(token)
            line = next((x for x in cart.lines if key in {x.key, str(x.variant_id)}), None) if cart else None
            if cart is None or line is None:
                raise NotFoundError(f"there is no line {key} in this cart")
            if quantity == line.quantity:
                return cart
            if quantity > line.quantity:
                self._require_stock(*self.variant(line.variant_id), quantity)
            line.quantity = quantity
            cart.lines = [x for x in cart.lines if x.quantity > 0]
            self._cart_changed(cart, action)
            return cart

    def update_cart(
        self, token: str | None, note: str | None = None, attributes: dict[str, str | None] | None = None
    ) -> Cart:
        """Sets the note and merges attributes; an attribute set to None or "" is removed."""
        with self._action() as action:
            cart = self.cart(token) or self._new_cart(action.now)
            before = (cart.note, dict(cart.attributes))
            if note is not None:
                cart.note = note
            merged = {**cart.attributes, **(attributes or {})}
            cart.attributes = {str(k): str(v) for k, v in merged.items() if v not in (None, "")}
            if (cart.note, cart.attributes) != before:
                self._cart_changed(cart, action)
            return cart

    def clear_cart(self, token: str | None) -> Cart | None:
        with self._action() as action:
            cart = self.cart(token)
            if cart is not None and cart.lines:
                cart.lines = []
                self._cart_changed(cart, action)
            return cart

    def _new_cart(self, now: datetime, token: str | None = None) -> Cart:
        # On the wire a token looks like Z2NwLXVzLWVhc3Qx…: base64 of the place it is kept and a random id.
        fresh = base64.b64encode(b"gcp-europe-west1:" + secrets.token_hex(13).upper().encode())
        token = token or fresh.decode().rstrip("=")
        cart = Cart(token, secrets.token_hex(16), created_at=now, updated_at=now)
        self.carts[token] = cart
        return cart

    def _new_line(
        self, product: Product, variant: Variant, quantity: int, properties: dict[str, str]
    ) -> CartLine:
        return CartLine(
            key=f"{variant.id}:{secrets.token_hex(16)}",
            product_id=product.id,
            variant_id=variant.id,
            quantity=quantity,
            price=variant.price,
            properties=properties,
        )

    def _cart_changed(self, cart: Cart, action: Action) -> None:
        cart.updated_at = action.now
        action.tell("carts/update" if cart.is_announced else "carts/create", payloads.cart(self, cart))
        cart.is_announced = True
