"""The storefront's own product recommendations, which a theme asks for: Search & Discovery's lists. Reads only."""

from __future__ import annotations

import json

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from app.demo.amounts import gid
from app.demo.store import DemoStore
from app.demo.storefront_view import is_buyable, product_json
from app.demo.world import Product

# shopify.dev, Product Recommendations API: 1 to 10, 10 unless asked.
MAX_PRODUCTS = 10
NAMESPACE = "shopify--discovery--product_recommendation"
KEYS = {"related": "related_products", "complementary": "complementary_products"}


def add_routes(shop: Blueprint, store: DemoStore) -> None:
    @shop.get("/recommendations/products.json")
    def show_recommendations() -> ResponseReturnValue:
        intent, number = request.args.get("intent", "related"), request.args.get("product_id", "")
        limit = request.args.get("limit", str(MAX_PRODUCTS))
        if intent not in KEYS or not number.isdigit() or limit not in map(str, range(1, MAX_PRODUCTS + 1)):
            told = "The parameters product_id, limit or intent are missing or wrong."
            return jsonify(status=422, message="Invalid parameter error", description=told), 422
        product = store.world.products.get(int(number))
        if product is None or product.status != "active":
            told = "No product with that id is published in the online store."
            return jsonify(status=404, message="Product not found", description=told), 404
        shown = [product_json(store, each) for each in _recommended(store, product, intent)]
        return jsonify(intent=intent, products=shown[: int(limit)])


def _recommended(store: DemoStore, product: Product, intent: str) -> list[Product]:
    """The list of the metafield; without one, related products are Shopify's own guess and complementary none.

    What is sold out, free or not published is left out.
    """
    key = KEYS[intent]
    kept = store.metafields.get((gid("Product", product.id), NAMESPACE, key))
    is_public = key in store.metafield_definitions
    if kept is not None and is_public and (listed := json.loads(str(kept["value"]))):
        by_gid = {gid("Product", each.id): each for each in store.world.products.values()}
        found = [by_gid[name] for name in listed if name in by_gid]
    elif intent == "related":
        found = [each for each in store.world.products.values() if each.product_type == product.product_type]
    else:
        found = []
    return [
        each
        for each in found
        if each is not product and each.status == "active" and is_buyable(each) and each.variants[0].price
    ]
