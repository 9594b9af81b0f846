"""Discount codes made, added and ended through the API, refused with Shopify's user errors."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from app.demo.amounts import exponent
from app.demo.fields import Caller, number_of
from app.demo.fields_app import batch_object
from app.demo.live import CodeBatch, Discount

# discountRedeemCodeBulkAdd takes 250 at most (schema; arrays end at 250).
MAX_CODES = 250
# The longest code there can be (characters; help.shopify.com, Discount codes).
MAX_CODE_LENGTH = 255

Payload = dict[str, Any]


def problem(of_type: str, message: str, field: list[str] | None = None, **more: Any) -> Payload:
    """One entry of a payload's `userErrors`."""
    return {"__typename": of_type, "message": message, "field": field, **more}


def _discount_problem(message: str, code: str, *field: str) -> Payload:
    return problem("DiscountUserError", message, list(field), code=code, extraInfo=None)


def _create_discount(caller: Caller, root: Any, args: dict[str, Any]) -> Payload:
    told, store = args["basicCodeDiscount"], caller.store
    refused = _discount_errors(caller, told)
    if refused:
        return {"codeDiscountNode": None, "userErrors": refused}
    value = told["customerGets"]["value"]
    off = (value.get("discountAmount") or {}).get("amount")
    customers = (told.get("context") or {}).get("customers")
    with store.lock:
        discount = Discount(
            id=store.world.new_id(),
            title=told.get("title") or told["code"],
            starts_at=datetime.fromisoformat(told["startsAt"]),
            ends_at=datetime.fromisoformat(told["endsAt"]) if told.get("endsAt") else None,
            percentage=value.get("percentage"),
            amount=round(float(off) * 10 ** exponent(caller.currency)) if off is not None else None,
            usage_limit=told.get("usageLimit"),
            applies_once_per_customer=bool(told.get("appliesOncePerCustomer")),
            customer_ids=frozenset(number_of(x, "Customer") for x in customers["add"]) if customers else None,
            codes={told["code"]: 0},
        )
        store.discounts[discount.id] = discount
    return {"codeDiscountNode": discount, "userErrors": []}


def _discount_errors(caller: Caller, told: dict[str, Any]) -> list[Payload]:
    """What Shopify checks first, in the order a merchant fills the form in."""
    base = "basicCodeDiscount"
    code, value = told.get("code"), (told.get("customerGets") or {}).get("value") or {}
    if not code:
        return [_discount_problem("Code can't be blank", "BLANK", base, "code")]
    if _is_taken(caller, code):
        return [_discount_problem("Code must be unique. Please try a different code.", "TAKEN", base, "code")]
    if not told.get("startsAt"):
        return [_discount_problem("Starts at can't be blank", "BLANK", base, "startsAt")]
    if not told.get("context"):
        return [_discount_problem("Context can't be blank", "BLANK", base, "context")]
    if told.get("endsAt") and told["endsAt"] <= told["startsAt"]:
        message = "Ends at needs to be after starts_at"
        return [_discount_problem(message, "END_DATE_BEFORE_START_DATE", base, "endsAt")]
    percentage = value.get("percentage")
    if percentage is not None and not 0.0 < percentage <= 1.0:
        message = "Value must be between 0.0 and 1.0"
        return [
            _discount_problem(message, "VALUE_OUTSIDE_RANGE", base, "customerGets", "value", "percentage")
        ]
    if percentage is None and not value.get("discountAmount"):
        return [_discount_problem("Value can't be blank", "BLANK", base, "customerGets", "value")]
    return []


def _is_taken(caller: Caller, code: str) -> bool:
    return any(x.lower() == code.lower() for d in caller.store.discounts.values() for x in d.codes)


def _add_codes(caller: Caller, root: Any, args: dict[str, Any]) -> Payload:
    wanted = [told["code"] for told in args["codes"]]
    discount = caller.store.discounts.get(number_of(args["discountId"], "DiscountCodeNode"))
    if discount is None:
        error = _discount_problem("Code discount does not exist.", "INVALID", "discountId")
        return {"bulkCreation": None, "userErrors": [error]}
    if len(wanted) > MAX_CODES:
        error = _discount_problem(f"Codes are too many (maximum is {MAX_CODES})", "EXCEEDED_MAX", "codes")
        return {"bulkCreation": None, "userErrors": [error]}
    if any(not code or len(code) > MAX_CODE_LENGTH for code in wanted):
        told = f"Codes must have 1 to {MAX_CODE_LENGTH} characters"
        error = _discount_problem(told, "INVALID", "codes")
        return {"bulkCreation": None, "userErrors": [error]}
    with caller.store.lock:
        number = caller.store.world.new_id()
        caller.shop.code_batches[number] = CodeBatch(discount, tuple(wanted), caller.store.now())
    return {"bulkCreation": batch_object(caller, number), "userErrors": []}


def look_at_batch(caller: Caller, number: int) -> Payload | None:
    """A batch as an app that asks for it sees it: the first look finds it queued, the next one done."""
    with caller.store.lock:
        batch = caller.shop.code_batches.get(number)
        if batch is not None and not batch.is_done:
            batch.n_looks += 1
            if batch.n_looks > 1:
                _run_batch(caller, batch)
    return batch_object(caller, number)


def _run_batch(caller: Caller, batch: CodeBatch) -> None:
    taken = {x.lower() for d in caller.store.discounts.values() for x in d.codes}
    imported: list[str] = []
    refused: list[str] = []
    for code in batch.wanted:
        (refused if code.lower() in taken else imported).append(code)
        taken.add(code.lower())
    batch.discount.codes.update(dict.fromkeys(imported, 0))
    batch.imported, batch.refused, batch.is_done = tuple(imported), tuple(refused), True


def _delete_discount(caller: Caller, root: Any, args: dict[str, Any]) -> Payload:
    with caller.store.lock:
        gone = caller.store.discounts.pop(number_of(args["id"], "DiscountCodeNode"), None)
    if gone is None:
        error = _discount_problem("Code discount does not exist.", "INVALID", "id")
        return {"deletedCodeDiscountId": None, "userErrors": [error]}
    return {"deletedCodeDiscountId": args["id"], "userErrors": []}


def _deactivate_discount(caller: Caller, root: Any, args: dict[str, Any]) -> Payload:
    discount = caller.store.discounts.get(number_of(args["id"], "DiscountCodeNode"))
    if discount is None:
        error = _discount_problem("Code discount does not exist.", "INVALID", "id")
        return {"codeDiscountNode": None, "userErrors": [error]}
    discount.ends_at = caller.store.now()
    return {"codeDiscountNode": discount, "userErrors": []}


DISCOUNT_MUTATIONS: dict[str, Callable[[Caller, Any, dict[str, Any]], Payload]] = {
    "discountCodeBasicCreate": _create_discount,
    "discountRedeemCodeBulkAdd": _add_codes,
    "discountCodeDelete": _delete_discount,
    "discountCodeDeactivate": _deactivate_discount,
}
