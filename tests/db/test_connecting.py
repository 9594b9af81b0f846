"""A token is refreshed once, however many ask at the moment it expires."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.clock import real_now
from app.platforms.base import Credentials, NeedsReconnectError
from app.services.connecting import access_token, renew_token, reseal_all, save_credentials
from app.services.vault import Vault, VaultError
from workers.schedule import PERIODS


class CountingPlatform:
    """Stands where the platform's token endpoint would; answers as many times as it is asked, and counts."""

    def __init__(self, error=None):
        self.n_refreshes = 0
        self._error = error

    def refresh(self, shop_domain, refresh_token, now):
        self.n_refreshes += 1
        if self._error:
            raise self._error
        return Credentials(
            shop_domain=shop_domain,
            access_token=f"shpat_{self.n_refreshes}",
            refresh_token=f"shprt_{self.n_refreshes}",
            expires_at=now + timedelta(hours=1),
        )


def expire(context, shop):
    with context.db.shop(shop.shop_id) as connection:
        connection.execute(
            text("""
                UPDATE credentials
                SET expires_at = now() + interval '1 minute', updated_at = now() - interval '59 minutes'""")
        )


def test_twenty_callers_at_the_moment_of_expiry_make_one_refresh(context, ada):
    expire(context, ada)
    platform = CountingPlatform()
    context = replace(context, platforms={"shopify": platform})
    with ThreadPoolExecutor(20) as pool:
        tokens = set(pool.map(lambda _: access_token(context, ada.shop_id), range(20)))
    assert (tokens, platform.n_refreshes) == ({"shpat_1"}, 1)


def test_a_shop_nobody_uses_gets_new_tokens_well_inside_the_ninety_days_of_a_refresh_token(context, ada):
    with context.db.shop(ada.shop_id) as connection:
        connection.execute(text("UPDATE credentials SET expires_at = now() - interval '7 days'"))
    platform = CountingPlatform()
    assert access_token(replace(context, platforms={"shopify": platform}), ada.shop_id) == "shpat_1"
    assert timedelta(seconds=PERIODS["upkeep.refresh_tokens"]) <= timedelta(days=90) / 6


def test_a_fresh_token_is_used_as_it_is(context, ada):
    platform = CountingPlatform()
    assert access_token(replace(context, platforms={"shopify": platform}), ada.shop_id) == "shpat_test"
    assert platform.n_refreshes == 0


def test_twenty_callers_whose_token_was_refused_before_its_time_make_one_refresh(context, ada):
    platform = CountingPlatform()
    context = replace(context, platforms={"shopify": platform})
    with ThreadPoolExecutor(20) as pool:
        tokens = set(pool.map(lambda _: renew_token(context, ada.shop_id, "shpat_test"), range(20)))
    assert (tokens, platform.n_refreshes) == ({"shpat_1"}, 1)
    assert access_token(context, ada.shop_id) == "shpat_1"


def test_a_token_of_a_minute_is_used_for_most_of_it(context, ada):
    platform = CountingPlatform()
    context, now = replace(context, platforms={"shopify": platform}), real_now()
    with context.db.shop(ada.shop_id) as connection:
        minute = Credentials(
            shop_domain=ada.domain,
            access_token="shpat_short",
            refresh_token="shprt_short",
            expires_at=now + timedelta(seconds=60),
        )
        save_credentials(context, connection, ada.shop_id, minute, now)
    assert access_token(context, ada.shop_id, now=now + timedelta(seconds=45)) == "shpat_short"
    assert access_token(context, ada.shop_id, now=now + timedelta(seconds=50)) == "shpat_1"


def test_a_refused_token_without_a_way_to_another_asks_the_merchant_to_open_the_app(context, ada):
    with context.db.shop(ada.shop_id) as connection:
        lasting = Credentials(shop_domain=ada.domain, access_token="shpat_lasting")
        save_credentials(context, connection, ada.shop_id, lasting, real_now())
    with pytest.raises(NeedsReconnectError):
        renew_token(context, ada.shop_id, "shpat_lasting")
    with context.db.shop(ada.shop_id) as connection:
        assert connection.execute(text("SELECT state FROM shops")).scalar() == "needs_reconnect"


def test_a_dead_pair_asks_the_merchant_to_open_the_app(context, ada):
    expire(context, ada)
    context = replace(context, platforms={"shopify": CountingPlatform(NeedsReconnectError())})
    with pytest.raises(NeedsReconnectError):
        access_token(context, ada.shop_id)
    with context.db.shop(ada.shop_id) as connection:
        assert connection.execute(text("SELECT state FROM shops")).scalar() == "needs_reconnect"


@pytest.mark.parametrize("state", ["connected", "needs_reconnect"])
def test_tokens_lie_encrypted_and_follow_a_new_key(context, ada, state):
    with context.db.shop(ada.shop_id) as connection:
        save_credentials(
            context,
            connection,
            ada.shop_id,
            Credentials(shop_domain=ada.domain, access_token="shpat_secret", refresh_token="shprt_secret"),
            real_now(),
        )
        stored = connection.execute(text("SELECT access_token, refresh_token, key_id FROM credentials")).one()
    assert b"secret" not in bytes(stored.access_token) + bytes(stored.refresh_token)
    old, new = context.settings.encryption_keys[0].get_secret_value(), fresh_key()
    rotated = replace(context, vault=Vault([new, old]))
    with context.db.shop(ada.shop_id) as connection:
        connection.execute(text("UPDATE shops SET state = :state"), {"state": state})
    assert reseal_all(rotated) == 1
    assert access_token(replace(context, vault=Vault([new])), ada.shop_id) == "shpat_secret"
    with pytest.raises(VaultError):
        access_token(context, ada.shop_id)


def fresh_key():
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode()
