"""A library that learns from orders what goes together: numpy, scipy and LightFM only, arrays in, arrays out."""

from app.recommender.artifact import ArtifactError, from_npz, to_npz
from app.recommender.blend import Blend
from app.recommender.card import ModelCard, card
from app.recommender.choosing_blends import SIMPLE_BLENDS
from app.recommender.choosing_tastes import SIMPLE_TASTES
from app.recommender.evaluation import Report, backtest
from app.recommender.factors import DivergedError
from app.recommender.fitting import Start, fit
from app.recommender.interactions import Catalogue, CatalogueError, History, HistoryError
from app.recommender.judging import Score
from app.recommender.lists import NO_ITEM, Lists, Shown, Source
from app.recommender.model import Evidence, Model, Options
from app.recommender.personal import Taste
from app.recommender.updating import Changed

__all__ = [
    "NO_ITEM",
    "SIMPLE_BLENDS",
    "SIMPLE_TASTES",
    "ArtifactError",
    "Blend",
    "Catalogue",
    "CatalogueError",
    "Changed",
    "DivergedError",
    "Evidence",
    "History",
    "HistoryError",
    "Lists",
    "Model",
    "ModelCard",
    "Options",
    "Report",
    "Score",
    "Shown",
    "Source",
    "Start",
    "Taste",
    "backtest",
    "card",
    "fit",
    "from_npz",
    "to_npz",
]
