"""The running demo shop: carts and checkouts, people, and what the merchant changes. It speaks no HTTP."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.demo import payloads, records
from app.demo.amounts import gid
from app.demo.checkouts import Checkouts
from app.demo.desk import SHOP_ID, Listener
from app.demo.live import CheckoutClosedError
from app.demo.world import Customer, Order, Product

__all__ = ["SHOP_ID", "DemoStore", "Listener"]


class DemoStore(Checkouts):
    """Every change goes through a method: it holds the lock, stamps `updated_at`, and tells the listeners."""

    # -- people ------------------------------------------------------------------------------------------

    def create_customer(
        self, email: str, first_name: str, last_name: str, subscribe: bool = False
    ) -> Customer:
        """An account made in the storefront; the existing customer if the address is known."""
        with self._action() as action:
            customer = self.customer_by_email(email) or self._new_customer(
                email, first_name, last_name, action
            )
            if subscribe:
                self._set_consent(customer, "subscribed", action)
            return customer

    def set_marketing_state(self, customer_id: int, state: str) -> Customer:
        """One of MARKETING_STATES; told by the consent topic and by customers/update."""
        with self._action() as action:
            customer = self._customer(customer_id)
            self._set_consent(customer, state, action)
            return customer

    def delete_customer(self, customer_id: int) -> None:
        """Shopify deletes only customers without orders; `request_erasure` is for the others."""
        with self._action() as action:
            customer = self._customer(customer_id)
            if self.orders_of(customer_id):
                raise CheckoutClosedError("a customer with orders can't be deleted; erase them instead")
            self._forget(customer)
            del self.world.customers[customer_id]
            action.tell("customers/delete", records.deleted_customer(customer_id))

    def merge_customers(self, kept_id: int, deleted_id: int) -> None:
        """Two customers turn out to be one: the orders of the second become the first's, and the second is gone."""
        with self._action() as action:
            kept, deleted = self._customer(kept_id), self._customer(deleted_id)
            orders = self.orders_of(deleted_id)
            for order in orders:
                order.customer_id, order.updated_at = kept_id, action.now
                self._note_order(order)
            kept.n_orders, kept.updated_at = kept.n_orders + deleted.n_orders, action.now
            self._orders_of.pop(deleted_id, None)
            self._forget(deleted)
            del self.world.customers[deleted_id]
            for order in orders:
                action.tell("orders/updated", payloads.order(self, order))
            action.tell("customers/update", records.customer(self, kept))
            action.tell("customers/merge", records.merged_customers(kept_id, deleted_id))

    def request_data(self, customer_id: int) -> None:
        with self._action() as action:
            customer = self._customer(customer_id)
            order_ids = self._order_ids(customer_id)
            action.tell("customers/data_request", records.data_request(self, customer, order_ids))

    def request_erasure(self, customer_id: int, delay_days: int = 0) -> None:
        """Takes the person out of the shop's records and asks apps to do the same.

        Shopify waits 10 days after the request (and 6 months after the last order); 0 lets a person watch it.
        """
        with self._action() as action:
            customer = self._customer(customer_id)
            body = records.redact_request(self, customer, self._order_ids(customer_id))
            self._forget(customer)
            customer.email, customer.first_name, customer.last_name = None, "", ""
            customer.marketing_state, customer.updated_at = "redacted", action.now
            for order in self.orders_of(customer_id):
                order.email, order.updated_at = None, action.now
            action.tell("customers/redact", body, due_at=action.now + timedelta(days=delay_days))

    # -- what the merchant does --------------------------------------------------------------------------

    def update_product(
        self,
        product_id: int,
        title: str | None = None,
        price: int | None = None,
        status: str | None = None,
        tags: list[str] | None = None,
    ) -> Product:
        """Changes what is given; `price` (minor units) applies to every variant."""
        with self._action() as action:
            product = self._product(product_id)
            product.title = title if title is not None else product.title
            product.status = status if status is not None else product.status
            product.tags = tags if tags is not None else product.tags
            if price is not None:
                for variant in product.variants:
                    variant.price = price
            self._product_changed(product, action)
            return product

    def add_product(self, product: Product) -> Product:
        with self._action() as action:
            self.world.products[product.id] = product
            self._product_of.update({v.id: (product, v) for v in product.variants})
            action.tell("products/create", records.product(self, product))
            return product

    def delete_product(self, product_id: int) -> None:
        with self._action() as action:
            product = self._product(product_id)
            del self.world.products[product_id]
            for variant in product.variants:
                self._product_of.pop(variant.id, None)
            owner = gid("Product", product_id)
            self.metafields = {key: kept for key, kept in self.metafields.items() if key[0] != owner}
            action.tell("products/delete", records.deleted(product_id))

    def set_stock(self, variant_id: int, n_available: int | None) -> Product:
        with self._action() as action:
            product, variant = self.variant(variant_id)
            variant.n_available = n_available
            self._product_changed(product, action)
            return product

    def cancel_order(self, order_id: int) -> Order:
        """Cancels and puts the goods back into stock."""
        with self._action() as action:
            order = self._order(order_id)
            if order.cancelled_at is not None:
                return order
            order.cancelled_at = order.updated_at = action.now
            for line in order.lines:
                self._move_stock(line, line.quantity)
            body = payloads.order(self, order)
            action.tell("orders/cancelled", body)
            action.tell("orders/updated", body)
            self._tell_stock_change(order.lines, action)
            return order

    def delete_order(self, order_id: int) -> None:
        with self._action() as action:
            del self.world.orders[self._order(order_id).id]
            action.tell("orders/delete", records.deleted(order_id))

    def tell_app(self, topic: str, body: dict[str, object], due_at: datetime | None = None) -> None:
        """For what concerns the app itself: app/uninstalled, shop/redact, bulk_operations/finish."""
        with self._action() as action:
            action.tell(topic, body, due_at)

    # -- inside ------------------------------------------------------------------------------------------

    def _order_ids(self, customer_id: int) -> list[int]:
        return [o.id for o in self.orders_of(customer_id)]

    def _forget(self, customer: Customer) -> None:
        if customer.email:
            self._customer_of.pop(customer.email.lower(), None)
