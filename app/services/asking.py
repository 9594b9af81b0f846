"""Asks a shop how the things are that a delivery only points at; never within a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app.domain.events import AccessDoubted, AccessLost, CommerceEvent, Gone, Kind, LookUp
from app.platforms.asked import AskedClient
from app.platforms.base import NeedsReconnectError, UnreadableError
from app.services.connecting import client_for
from app.services.context import Context


class Asking:
    """The questions of one run through a shop's inbox; the same one is not put twice for what had come before it."""

    def __init__(self, context: Context, shop_id: int) -> None:
        self._context, self._shop_id = context, shop_id
        self._asked_at: dict[tuple[Kind, str], datetime] = {}

    @staticmethod
    def is_needed(facts: Sequence[CommerceEvent]) -> bool:
        return any(isinstance(fact, (LookUp, AccessDoubted)) for fact in facts)

    def complete(self, facts: Sequence[CommerceEvent], received_at: datetime) -> list[CommerceEvent]:
        """Put the answers in the place of what has to be asked.

        Raises:
            PlatformError: the shop did not answer; the delivery is to be tried again.
        """
        return [answer for fact in facts for answer in self._answers(fact, received_at)]

    def _answers(self, fact: CommerceEvent, received_at: datetime) -> Sequence[CommerceEvent]:
        if isinstance(fact, AccessDoubted):
            try:
                client_for(self._context, self._shop_id).profile()
            except NeedsReconnectError:
                return (AccessLost(),)
            return ()
        return self._look_up(fact, received_at) if isinstance(fact, LookUp) else (fact,)

    def _look_up(self, fact: LookUp, received_at: datetime) -> Sequence[CommerceEvent]:
        """A hundred deliveries about one product, as an edit of its variations makes them, are one question."""
        subject = (fact.kind, fact.platform_id)
        if subject in self._asked_at and received_at < self._asked_at[subject]:
            return ()
        client = client_for(self._context, self._shop_id)
        if not isinstance(client, AskedClient):
            raise UnreadableError("this platform's shops can't be asked about one thing")
        asked_at = self._context.clock.now()
        found = client.look_up(*subject)
        self._asked_at[subject] = asked_at
        return (found or Gone(*subject),)
