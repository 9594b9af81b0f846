"""What every use case may reach for; `wiring` fills it, tests fill it with the same real parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.clock import Clock
from app.db.session import Database
from app.mail.links import LinkSigner
from app.mail.transports import MailTransport
from app.platforms.base import Platform
from app.queue import Queue
from app.services.hashing import Hasher
from app.services.vault import Vault
from app.settings import Settings

if TYPE_CHECKING:
    from redis import Redis


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    settings: Settings
    clock: Clock
    db: Database
    redis: Redis
    queue: Queue
    platforms: Mapping[str, Platform]
    vault: Vault
    hasher: Hasher
    links: LinkSigner
    transport: MailTransport
