"""Owns a model's stored form, npz with a JSON manifest inside; it must not touch files or pickle."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from typing import Any

import numpy as np
from scipy import sparse

from app.recommender.blend import Blend
from app.recommender.factors import Factors
from app.recommender.interactions import Catalogue, History
from app.recommender.log import Log
from app.recommender.model import Model, Options
from app.recommender.personal import Taste
from app.recommender.words import Words, presence_of

FORMAT = "regulars-model"
VERSION = 1
# Largest manifest believed, in bytes: 300,000 products of long titles need about 60 MB.
MAX_MANIFEST_BYTES = 512 * 2**20


class ArtifactError(ValueError):
    """The bytes are not a model this version can read."""


def to_npz(model: Model) -> bytes:
    """Return the model as compressed npz bytes; the same model gives the same arrays back, bit for bit."""
    users = model.user_rows.whole
    factors = model.factors.arrays | users.arrays
    arrays: dict[str, Any] = {f"factor/{name}": values for name, values in factors.items()}
    arrays |= {f"history/{name}": _small(values) for name, values in vars(model.history).items()}
    arrays["words/idf"] = model.words.idf
    arrays["words/indices"] = model.words.presence.indices.astype(np.int32)
    arrays["words/indptr"] = model.words.presence.indptr.astype(np.int64)
    arrays["factor_users"] = users.users
    arrays |= {f"ease/{part}": getattr(model.ease, part) for part in ("data", "indices", "indptr")}
    arrays["manifest"] = np.frombuffer(json.dumps(_manifest(model)).encode(), dtype=np.uint8)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def from_npz(raw: bytes) -> Model:
    """Return the model stored in `raw`.

    Raises
    ------
    ArtifactError
        When the bytes are no npz, were cut, or come from another format version. Nothing in them is ever
        executed: object arrays are refused.
    """
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        manifest = json.loads(arrays["manifest"].tobytes())
        if not isinstance(manifest, dict) or (manifest.get("format"), manifest.get("version")) != (
            FORMAT,
            VERSION,
        ):
            found = manifest.get("version") if isinstance(manifest, dict) else None
            raise ArtifactError(
                f"The model has format version {found}, this code reads {VERSION}: train again."
            )
        return _model(manifest, arrays)
    except ArtifactError:
        raise
    except Exception as error:
        # A flipped bit surfaces from zip, zlib, numpy's header parser or json, each with errors of its own.
        raise ArtifactError(f"{len(raw)} bytes could not be read as a model: {error}") from error


def manifest_of(raw: bytes) -> dict[str, Any]:
    """Return only the manifest of a stored model: what it is, without loading its arrays."""
    with np.load(io.BytesIO(raw), allow_pickle=False) as stored:
        manifest: dict[str, Any] = json.loads(stored["manifest"].tobytes())
    return manifest


def _small(values: np.ndarray) -> np.ndarray:
    """Halve int64 columns that fit in int32; `History.of` widens them again."""
    if values.dtype == np.int64 and (not len(values) or np.abs(values).max() < 2**31):
        return values.astype(np.int32)
    return values


def _manifest(model: Model) -> dict[str, Any]:
    catalogue = model.catalogue
    return {
        "format": FORMAT,
        "version": VERSION,
        "seed": model.seed,
        "options": asdict(model.options),
        "blend": asdict(model.blend),
        "taste": asdict(model.taste),
        "discovery": asdict(model.discovery),
        "n_items": catalogue.n_items,
        "n_rows": model.history.n_rows,
        "catalogue": {name: getattr(catalogue, name) for name in vars(catalogue)},
        "vocabulary": model.words.vocabulary,
    }


def _model(manifest: dict[str, Any], arrays: dict[str, np.ndarray]) -> Model:
    columns = dict(manifest["catalogue"])
    columns["tags"] = tuple(tuple(row) for row in columns["tags"])
    catalogue = Catalogue(**{name: tuple(values) for name, values in columns.items()}).validate()
    vocabulary = tuple(manifest["vocabulary"])
    history = History.of(**{n.partition("/")[2]: a for n, a in arrays.items() if n.startswith("history/")})
    factors = Factors(
        {n.partition("/")[2]: a for n, a in arrays.items() if n.startswith("factor/")}, catalogue.n_items
    )
    items, users = factors.split(arrays["factor_users"].astype(np.int64))
    presence = presence_of(arrays["words/indices"], arrays["words/indptr"], len(vocabulary))
    return Model(
        catalogue,
        Log.of(history.validate(catalogue)),
        _options(manifest["options"]),
        int(manifest["seed"]),
        Blend(**manifest["blend"]),
        Taste(**manifest["taste"]),
        Taste(**manifest["discovery"]),
        Words(vocabulary, arrays["words/idf"], presence),
        items,
        users,
        sparse.csr_matrix(
            (arrays["ease/data"], arrays["ease/indices"], arrays["ease/indptr"]),
            shape=(catalogue.n_items, catalogue.n_items),
        ),
    )


def _options(stored: dict[str, Any]) -> Options:
    parts = {"blend": Blend, "taste": Taste, "discovery": Taste}
    kept: dict[str, Any] = {
        k: parts[k](**v) if k in parts and v is not None else v for k, v in stored.items()
    }
    return Options(**kept)
