"""Grants, callbacks and session tokens."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from app.platforms.base import ForgedError, InstallCallback, InstallRefusedError, InstallRequest
from app.platforms.shopify.install import (
    authorize_url,
    missing_scopes,
    verify_callback,
    verify_session_token,
)
from app.platforms.shopify.signatures import canonical_decoded, sign_text
from tests.unit.shopify.shared import vectors

SECRET = b"shpss_an app secret of Ada's app, long enough for any algorithm..."
OLD_SECRET = b"shpss_the secret before the last rotation"
API_KEY = "client-id-123"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
SHOP = "ada.myshopify.com"


def _signed(**query: str) -> dict[str, list[str]]:
    listed = {"shop": [SHOP], "timestamp": [str(int(NOW.timestamp()))], **{k: [v] for k, v in query.items()}}
    return {**listed, "hmac": [sign_text(canonical_decoded(listed), SECRET)]}


def _claims(**changed: object) -> dict[str, object]:
    at = int(NOW.timestamp())
    claims = {
        "iss": f"https://{SHOP}/admin",
        "dest": f"https://{SHOP}",
        "aud": API_KEY,
        "sub": "42",
        "exp": at + 60,
        "nbf": at,
        "iat": at,
        "jti": "f8912129-1af6-4cad-9ca3-76b0f7621087",
        "sid": "aaea182f2732d44c23057c0fea584021a4485b2bd25d3eb7fd349313ad24c685",
        **changed,
    }
    return {name: value for name, value in claims.items() if value is not None}


def _token(key: bytes = SECRET, algorithm: str = "HS256", **changed: object) -> str:
    return jwt.encode(_claims(**changed), key, algorithm=algorithm)


def _unsigned(algorithm: str | None) -> str:
    header = {"typ": "JWT"} | ({"alg": algorithm} if algorithm else {})
    parts = (
        urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, _claims())
    )
    return ".".join([*parts, ""])


def _verify(token: str, now: datetime = NOW):
    return verify_session_token(token, [SECRET, OLD_SECRET], API_KEY, now)


def test_an_installation_begins_at_the_shops_own_grant_screen():
    request = InstallRequest(_signed(), "https://regulars.example/install/callback", "a-nonce", NOW)
    redirect = authorize_url(request, [SECRET], API_KEY, ["read_products", "read_orders"], None)
    parts = urlsplit(redirect.url)
    assert (parts.scheme, parts.netloc, parts.path) == ("https", SHOP, "/admin/oauth/authorize")
    assert parse_qs(parts.query) == {
        "client_id": [API_KEY],
        "scope": ["read_products,read_orders"],
        "redirect_uri": ["https://regulars.example/install/callback"],
        "state": ["a-nonce"],
    }
    assert redirect.state == "a-nonce"


def test_an_unsigned_launch_begins_nothing():
    request = InstallRequest({"shop": [SHOP]}, "https://regulars.example/install/callback", "a-nonce", NOW)
    with pytest.raises(ForgedError):
        authorize_url(request, [SECRET], API_KEY, ["read_products"], None)


def _callback(expected_state: str | None = "a-nonce", now: datetime = NOW, **query: str) -> InstallCallback:
    signed = _signed(
        **{"state": "a-nonce", "code": "0907a61c0c8d55e99db179b68161bc00", "host": "YWRtaW4", **query}
    )
    return InstallCallback(signed, expected_state, "https://regulars.example/install/callback", now)


def test_a_callback_gives_the_shop_and_the_code():
    assert verify_callback(_callback(), [SECRET]) == (SHOP, "0907a61c0c8d55e99db179b68161bc00")


@pytest.mark.parametrize("expected_state", [None, "", "another-nonce", "a-nonce ", "ä-nonce"])
def test_a_callback_in_another_browser_is_refused(expected_state):
    with pytest.raises(InstallRefusedError, match="did not begin"):
        verify_callback(_callback(expected_state), [SECRET])


def test_a_callback_without_state_and_cookie_is_refused():
    with pytest.raises(InstallRefusedError, match="did not begin"):
        verify_callback(_callback(expected_state="", state=""), [SECRET])


def test_a_stale_callback_is_refused():
    with pytest.raises(ForgedError, match="91 s ago"):
        verify_callback(_callback(now=NOW + timedelta(seconds=91)), [SECRET])


def test_a_callback_without_a_code_is_refused():
    with pytest.raises(InstallRefusedError, match="no code"):
        verify_callback(_callback(code=""), [SECRET])


def test_a_write_scope_includes_its_read_scope():
    assert missing_scopes(["write_products", "read_orders"], ["read_products", "read_orders"]) == ()
    assert missing_scopes(["read_products"], ["write_products", "read_orders"]) == (
        "write_products",
        "read_orders",
    )


def test_a_session_token_names_shop_and_merchant():
    session = _verify(_token())
    assert (session.shop_domain, session.merchant_id) == (SHOP, "42")
    assert session.token not in repr(session)


def test_a_token_signed_with_the_secret_before_the_rotation_is_taken():
    assert _verify(_token(OLD_SECRET)).shop_domain == SHOP


def test_ten_seconds_between_the_clocks_are_forgiven():
    at = int(NOW.timestamp())
    assert _verify(_token(exp=at - 10)).merchant_id == "42"
    assert _verify(_token(nbf=at + 10, iat=at + 10)).merchant_id == "42"


@pytest.mark.parametrize("claims", [told["payload_example"] for told in [vectors("session_token")] if told])
def test_the_published_example_of_a_session_token_is_read(claims):
    token, at = jwt.encode(claims, SECRET, algorithm="HS256"), datetime.fromtimestamp(claims["iat"], UTC)
    session = verify_session_token(token, [SECRET], claims["aud"], at)
    assert (session.shop_domain, session.merchant_id) == ("exampleshop.myshopify.com", "42")


AT = int(NOW.timestamp())
WRONG = {
    "alg none": lambda: jwt.encode(_claims(), None, algorithm="none"),
    "another algorithm": lambda: _token(algorithm="HS512"),
    "wrong secret": lambda: _token(b"shpss_a secret nobody gave to anybody"),
    "exp older than 10 s": lambda: _token(exp=AT - 11),
    "exp missing": lambda: _token(exp=None),
    "exp as text": lambda: _token(exp=str(AT + 60)),
    "exp true": lambda: _token(exp=True),
    "nbf more than 10 s ahead": lambda: _token(nbf=AT + 11),
    "nbf missing": lambda: _token(nbf=None),
    "iat in the future": lambda: _token(iat=AT + 11),
    "aud of another app": lambda: _token(aud="another-client"),
    "aud a list with ours": lambda: _token(aud=[API_KEY, "another-client"]),
    "aud missing": lambda: _token(aud=None),
    "iss no shop": lambda: _token(iss="https://evil.example/admin"),
    "iss host another shop": lambda: _token(iss="https://ben.myshopify.com/admin"),
    "dest another shop": lambda: _token(dest="https://ben.myshopify.com"),
    "dest no shop": lambda: _token(
        dest="https://ada.myshopify.com.evil.example", iss="https://ada.myshopify.com.evil.example/admin"
    ),
    "dest with a user": lambda: _token(dest="https://x@ada.myshopify.com"),
    "dest without scheme": lambda: _token(dest=SHOP),
    "dest missing": lambda: _token(dest=None),
    "sub missing": lambda: _token(sub=None),
    "sub a number": lambda: _token(sub=42),
    "exp a list": lambda: _token(exp=[AT + 60]),
    "exp beyond all time": lambda: _token(exp=2**60),
    "exp below zero": lambda: _token(exp=-1),
    "nbf as text": lambda: _token(nbf=str(AT)),
    "iat missing": lambda: _token(iat=None),
    "aud in capitals": lambda: _token(aud=API_KEY.upper()),
    "aud a list with ours alone": lambda: _token(aud=[API_KEY]),
    "aud empty": lambda: _token(aud=""),
    "iss missing": lambda: _token(iss=None),
    "iss without encryption": lambda: _token(iss=f"http://{SHOP}/admin"),
    "iss with a port": lambda: _token(iss=f"https://{SHOP}:443/admin"),
    "iss of a longer host": lambda: _token(iss=f"https://{SHOP}.evil.example/admin"),
    "iss with a query": lambda: _token(iss=f"https://{SHOP}/admin?x=1"),
    "dest with a path": lambda: _token(dest=f"https://{SHOP}/evil"),
    "dest with an end of line": lambda: _token(dest=f"https://{SHOP}\n"),
    "dest a list": lambda: _token(dest=[f"https://{SHOP}"]),
    "dest and iss the admin itself": lambda: _token(
        dest="https://admin.shopify.com", iss="https://admin.shopify.com/admin"
    ),
    "sub empty": lambda: _token(sub=""),
    "signed with nothing": lambda: _unsigned("none"),
    "alg None in capitals": lambda: _unsigned("NONE"),
    "alg that signs with a public key": lambda: _unsigned("RS256"),
    "no alg": lambda: _unsigned(None),
    "the signature cut off": lambda: _token().rpartition(".")[0] + ".",
    "a claim changed after signing": lambda: _token().replace(".", ".e30", 1),
    "a token in quotes": lambda: f'"{_token()}"',
    "two tokens": lambda: f"{_token()},{_token()}",
    "nothing": lambda: "",
    "not a token": lambda: "a.b.c",
    "accents": lambda: "é.é.é",
    "endless": lambda: "a" * 9_000,
}


@pytest.mark.parametrize("make", WRONG.values(), ids=WRONG.keys())
def test_a_session_token_with_one_wrong_claim_is_forged(make):
    with pytest.raises(ForgedError):
        _verify(make())
