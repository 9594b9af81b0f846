"""Read-only queries for the merchant's pages: what stands, what was earned, what was sent and why; writes nothing."""

from app.services.reporting.activity import Activity, activity
from app.services.reporting.cards import ModelCard
from app.services.reporting.catalogue import Found, find_products, previous_model, shared_words
from app.services.reporting.figures import (
    HOLDOUT_DAYS,
    WATCHED_DAYS,
    Comparison,
    DayOfRevenue,
    Figures,
    Totals,
    home_figures,
)
from app.services.reporting.ledger import (
    FLOWS,
    STATES,
    EntryDetail,
    LedgerPage,
    Place,
    ReasonCount,
    Shown,
    ledger_entry,
    ledger_page,
    mask,
    reason_counts,
)
from app.services.reporting.periods import N_DAYS, Period, last_days, zone_of
from app.services.reporting.standing import JobReport, Standing, Step, checklist, standing

__all__ = [
    "FLOWS",
    "HOLDOUT_DAYS",
    "N_DAYS",
    "STATES",
    "WATCHED_DAYS",
    "Activity",
    "Comparison",
    "DayOfRevenue",
    "EntryDetail",
    "Figures",
    "Found",
    "JobReport",
    "LedgerPage",
    "ModelCard",
    "Period",
    "Place",
    "ReasonCount",
    "Shown",
    "Standing",
    "Step",
    "Totals",
    "activity",
    "checklist",
    "find_products",
    "home_figures",
    "last_days",
    "ledger_entry",
    "ledger_page",
    "mask",
    "previous_model",
    "reason_counts",
    "shared_words",
    "standing",
    "zone_of",
]
