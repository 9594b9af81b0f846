"""From a store that was just connected into the admin, by its owner and by nobody else; and out again."""

from __future__ import annotations

import re
from dataclasses import replace
from email import message_from_bytes, policy

from app.mail.transports import transport_from_url
from app.services import signin
from tests.fixtures.smtp_server import SmtpServerDouble
from tests.web.woocommerce.kit import HERE, connected, part, rows


def mailed(context):
    """What went out of what was asked for: whom to, and the link in it."""
    with SmtpServerDouble() as server:
        transport = transport_from_url(server.url)
        signin.mail_asked(replace(context, transport=transport))
        transport.close()
        found = []
        for mail in server.mails:
            body = message_from_bytes(mail.raw, policy=policy.default).get_body(("plain",)).get_content()
            assert "was just connected" in body
            found.append((mail.recipients[0], re.search(r"(/sign-in/\S+)", body)[1]))
    return found


def test_whoever_began_the_connection_is_not_signed_in_and_the_stores_owner_is_mailed(context, client, store):
    """Somebody may have begun it and only sent the owner the page to approve."""
    store.told_of_orders = "ada@example.com, till@example.com"
    connected(context, client, store)
    page = client.get("/connect/woocommerce/progress").text
    assert "is not signed in by it" in page
    assert "ada@example.com" not in page
    assert client.get("/admin/").status_code == 401
    [(recipient, link)] = mailed(context)
    assert recipient == "ada@example.com"
    owner = client.application.test_client()
    owner.post(link, headers={"Origin": HERE}, base_url=HERE)
    home = owner.get("/admin/", base_url=HERE)
    assert home.status_code == 200
    assert "Ada&#39;s Shop" in home.text
    assert "Plugin installed in your store" in home.text
    assert client.get("/admin/").status_code == 401


def test_the_owner_leaves_and_nothing_of_ours_stays_in_the_store(context, client, store, owner):
    store.told_of_orders = "ada@example.com"
    connected(context, client, store)
    [(_, link)] = mailed(context)
    browser = client.application.test_client()
    browser.post(link, headers={"Origin": HERE}, base_url=HERE)
    page = browser.get("/admin/disconnect", base_url=HERE).text
    csrf = re.search(r'name="csrf" value="(\w+)"', page)[1]
    answer = browser.post("/admin/disconnect", data={"csrf": csrf}, headers={"Origin": HERE}, base_url=HERE)
    assert "is being disconnected" in answer.text
    assert "Webhooks to delete" in browser.get("/admin/disconnect/progress", base_url=HERE).text
    assert len(store.webhooks) == 9
    assert "Your store is being disconnected" in browser.get("/admin/", base_url=HERE).text
    assert "Being disconnected" in browser.get("/admin/settings", base_url=HERE).text
    part(context)
    last = browser.get("/admin/disconnect/progress", base_url=HERE)
    assert last.status_code == 286  # the page asks no more
    assert "is disconnected" in last.text
    assert store.webhooks == {}
    assert rows(owner, "SELECT * FROM credentials") == []
    assert [row["state"] for row in rows(owner, "SELECT state FROM shops")] == ["uninstalled"]
    assert "Your store is disconnected" in browser.get("/admin/", base_url=HERE).text
    connected(context, client, store)
    assert "Your store is disconnected" not in browser.get("/admin/", base_url=HERE).text
