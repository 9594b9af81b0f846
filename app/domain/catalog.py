"""What a shop sells, as our own words; it knows nothing of where it is stored or which platform told it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from app.domain.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One purchasable form of a product. `n_available` is None where the shop does not track stock."""

    platform_variant_id: str
    title: str = ""
    sku: str = ""
    price: Money
    compare_at_price: Money | None = None
    n_available: int | None = None
    is_available: bool = True
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A sellable thing. `path` is its page on the shop's own host, e.g. `/products/blue-mug`."""

    platform_product_id: str
    handle: str
    title: str
    path: str
    vendor: str = ""
    category: str = ""
    tags: tuple[str, ...] = ()
    image_url: str | None = None
    is_published: bool = True
    is_gift_card: bool = False
    source_updated_at: datetime
    variants: tuple[Variant, ...] = field(default=())

    @property
    def is_available(self) -> bool:
        """Whether at least one variant can be bought now."""
        return any(variant.is_available for variant in self.variants)
