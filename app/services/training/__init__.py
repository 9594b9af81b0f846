"""Learns from a shop's whole history and publishes what holds up; what comes in between is `learning`'s."""

from app.services.training.evidence import Evidence, read_evidence
from app.services.training.full import Trained, plan_training, roll_back, train

__all__ = ["Evidence", "Trained", "plan_training", "read_evidence", "roll_back", "train"]
