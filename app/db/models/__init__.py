"""Every table, one module per noun. Importing this package registers them all with the metadata."""

from app.db.models.base import Base
from app.db.models.carts import Cart
from app.db.models.catalog import Product, Variant
from app.db.models.customers import ConsentEntry, Customer, Erasure, Suppression
from app.db.models.deliveries import Delivery
from app.db.models.flows import Enrolment, Flow, Message
from app.db.models.jobs import Job
from app.db.models.offers import OfferCode, OfferRow
from app.db.models.orders import Order, OrderLine
from app.db.models.people import Membership, Person, PersonSession, SignInLink
from app.db.models.recommendations import Model, RecommendationList
from app.db.models.shops import AuditEntry, Credential, Shop
from app.db.models.themelists import ThemeList
from app.db.models.visits import VisitEvent

__all__ = [
    "AuditEntry",
    "Base",
    "Cart",
    "ConsentEntry",
    "Credential",
    "Customer",
    "Delivery",
    "Enrolment",
    "Erasure",
    "Flow",
    "Job",
    "Membership",
    "Message",
    "Model",
    "OfferCode",
    "OfferRow",
    "Order",
    "OrderLine",
    "Person",
    "PersonSession",
    "Product",
    "RecommendationList",
    "Shop",
    "SignInLink",
    "Suppression",
    "ThemeList",
    "Variant",
    "VisitEvent",
]
