"""The declarative base and the column kinds every table shares."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, MetaData, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012  SQLAlchemy reads it from the class
        datetime: DateTime(timezone=True),
        int: BigInteger,
        str: Text,
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        list[str]: ARRAY(Text),
        list[int]: ARRAY(BigInteger),
    }


# Every tenant's row starts with its shop, so that Citus can spread tables by it and keys never cross shops.
ShopId = Annotated[int, mapped_column(BigInteger, ForeignKey("shops.shop_id"), primary_key=True)]
# The same where a parent row already vouches for the shop, or where a check per insert would cost too much
# (deliveries and visits: their shop was looked up a moment before).
TenantId = Annotated[int, mapped_column(BigInteger, primary_key=True, autoincrement=False)]
OwnId = Annotated[int, mapped_column(BigInteger, Identity(always=True), primary_key=True)]
EmailHash = Annotated[bytes, mapped_column()]
