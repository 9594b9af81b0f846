"""Reads an order history from a CSV file into columns; it must not know what they are used for."""

from app.services.orderfile.cells import read_time
from app.services.orderfile.columns import GUEST, MAX_LISTED_REJECTS, UNKNOWN_PRICE, OrderFile, Reject, Rows
from app.services.orderfile.formats import Kind, OrderFileError
from app.services.orderfile.reading import read_orders

__all__ = [
    "GUEST",
    "MAX_LISTED_REJECTS",
    "UNKNOWN_PRICE",
    "Kind",
    "OrderFile",
    "OrderFileError",
    "Reject",
    "Rows",
    "read_orders",
    "read_time",
]
