"""Recommendations: what the model says of itself, a product's list with its evidence, and how the shelf leans."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, g, request, url_for

from app.services import recommending, reporting, training
from app.services.jobs import enqueue_job
from app.services.shops import ShopRecord, save_policy
from app.web.admin import forms, words
from app.web.admin.page import Desk
from app.web.admin.speech import _


def register(desk: Desk) -> None:
    """Add the page, the product's own page, the shelf's form and the way back to the model before."""
    _register_pages(desk)
    _register_actions(desk)


def _register_pages(desk: Desk) -> None:
    context = desk.context

    def show_recommendations() -> Response:
        return _page(desk)

    def show_product(platform_product_id: str) -> Response:
        with context.db.shop(g.shop_id) as connection:
            shop = desk.shop(connection)
            found = recommending.explain(connection, shop, _askable(platform_product_id))
        if found is None:
            return desk.not_found(shop, _("There is no such product in your shop."))
        shared = {
            reason.card.platform_product_id: reporting.shared_words(found.product.title, reason.card.title)
            for reason in found.reasons
        }
        return desk.render("admin/product.html", shop, found=found, shared=shared, words=words)

    desk.route("/recommendations", show_recommendations)
    desk.route("/recommendations/products/<platform_product_id>", show_product)


def _register_actions(desk: Desk) -> None:
    context = desk.context

    def save_shelf() -> Response:
        fields = request.form.to_dict()
        with context.db.shop(g.shop_id) as connection:
            shop = desk.shop(connection)
            policy, form = forms.read_shelf(fields, shop.policy)
            leans_anew = policy.shelf.leaning != shop.policy.shelf.leaning
            if not form.errors:
                save_policy(connection, shop.shop_id, policy)
                if leans_anew:
                    enqueue_job(connection, shop.shop_id, "training", context.clock.now())
        if form.errors:
            return _page(desk, fields, form.errors, status=422)
        recommending.forget_shelves(context, shop)
        if leans_anew:
            context.queue.nudge("upkeep.run_jobs")
            return _page(desk, toast=_("Saved. The lists are being made anew and follow in a few minutes."))
        return _page(desk, toast=_("Saved."))

    def roll_back_model() -> Response:
        if training.roll_back(context, g.shop_id) is None:
            return _page(desk, toast=_("There is no model to go back to."))
        return _page(desk, toast=_("The lists of the model before are back on the shelves."))

    desk.route("/recommendations/shelf", save_shelf, methods=("POST",))
    desk.route("/recommendations/roll-back", roll_back_model, methods=("POST",))


def _page(
    desk: Desk,
    fields: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    *,
    status: int = 200,
    toast: str | None = None,
) -> Response:
    search = _askable(request.args.get("q", "")).strip()[:100]
    with desk.context.db.shop(g.shop_id) as connection:
        shop = desk.shop(connection)
        found = reporting.find_products(connection, shop.shop_id, search)
        standing = reporting.standing(connection, shop.shop_id)
        previous = reporting.previous_model(connection, shop.shop_id)
    is_part = request.headers.get("HX-Target") == "found"
    return desk.render(
        "admin/_found.html" if is_part else "admin/recommendations.html",
        shop,
        status=status,
        toast=toast,
        shown_as=None if request.method == "GET" else url_for("admin.show_recommendations"),
        search=search,
        found=found,
        standing=standing,
        previous=previous,
        fields=fields if fields is not None else _written(shop),
        errors=errors or {},
        leanings=_leanings(),
        words=words,
    )


def _askable(text: str) -> str:
    """A text of an address without the one character PostgreSQL can't be asked about."""
    return text.replace("\0", "")


def _written(shop: ShopRecord) -> dict[str, str]:
    shelf = shop.policy.shelf
    return {
        "heading": shelf.heading,
        "leaning": f"{forms.nearest_leaning(shelf.leaning):g}",
        **({"is_shown": "on"} if shelf.is_shown else {}),
    }


def _leanings() -> list[tuple[str, str]]:
    labels = (_("Specific"), _("Rather specific"), _("As learned"), _("Rather popular"), _("Popular"))
    return [(f"{value:g}", label) for value, label in zip(forms.LEANINGS, labels, strict=True)]
