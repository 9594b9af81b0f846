"""Keeps an order file to one currency: amounts of two can't be added up, so the smaller part is left out."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import numpy.typing as npt

from app.services.orderfile.columns import MAX_LISTED_REJECTS, OrderFile, Reject, Rows


def in_one_currency(
    file: OrderFile, named: npt.NDArray[np.int64], names: list[str], line: npt.NDArray[np.int64]
) -> OrderFile:
    """Return the file in the currency that most of its rows name, the rows of others among its rejects.

    Rows that name none are taken to be in that one. Where two are named equally often, the first holds.

    Args:
        file: as taken, in no currency yet.
        named: (n_rows,) positions in `names`: what each row calls its currency.
        names: every currency named, in the file's order; "" is none.
        line: (n_rows,) each row's line in the file.
    """
    n_rows = np.bincount(named, minlength=len(names))
    n_rows[[name == "" for name in names]] = 0
    if not n_rows.any():
        return file
    main = int(n_rows.argmax())
    is_kept = (named == main) | (n_rows[named] == 0)
    if is_kept.all():
        return replace(file, currency=names[main])
    rejects = [
        Reject(number, f"in {names[code]}, but most of the file is in {names[main]}: one file, one currency")
        for number, code in zip(line[~is_kept].tolist(), named[~is_kept].tolist(), strict=True)
    ]
    return replace(
        _without(file, is_kept),
        currency=names[main],
        rejects=sorted(file.rejects + rejects)[:MAX_LISTED_REJECTS],
        n_rejected=file.n_rejected + len(rejects),
    )


def _without(file: OrderFile, is_kept: npt.NDArray[np.bool_]) -> OrderFile:
    """The kept rows, and of orders, customers and products those that are left."""
    columns = {column.name: getattr(file.rows, column.name)[is_kept] for column in fields(Rows)}
    left = {name: np.unique(columns[name]) for name in ("order", "customer", "product")}
    left["customer"] = left["customer"][left["customer"] >= 0]  # guests keep their code
    for name, codes in left.items():
        is_known = columns[name] >= 0
        columns[name] = np.where(is_known, np.searchsorted(codes, columns[name]), columns[name])

    def of(texts: list[str], name: str) -> list[str]:
        return [texts[code] for code in left[name].tolist()]

    return replace(
        file,
        rows=Rows(**columns),
        order_ids=of(file.order_ids, "order"),
        platform_order_ids=of(file.platform_order_ids, "order"),
        customer_ids=of(file.customer_ids, "customer"),
        product_ids=of(file.product_ids, "product"),
        titles=of(file.titles, "product"),
        categories=of(file.categories, "product"),
        vendors=of(file.vendors, "product"),
    )
