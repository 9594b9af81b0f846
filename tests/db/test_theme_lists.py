"""Lists carried over into a shop that enforces what Shopify enforces: nothing of the merchant's is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import text

from app.demo.amounts import gid
from app.domain.themelists import ListKind
from app.platforms.base import NeedsApprovalError
from app.platforms.shopify.themelists import KEYS, NAMESPACE, ShopifyThemeLists
from app.services import jobs, themelists
from app.services.shops import get_shop, save_policy
from tests.demostage import DemoStage, open_demo_stage

N_PRODUCTS = 60


@pytest.fixture
def stage(context, monkeypatch) -> Iterator[DemoStage]:
    monkeypatch.setattr("app.platforms.shopify.themelists._REST", 0.0)
    with open_demo_stage(context, N_PRODUCTS) as made:
        made.allow("write_products")
        yield made


def switch(stage: DemoStage, *, on: bool) -> None:
    with stage.context.db.shop(stage.shop_id) as connection:
        policy = get_shop(connection, stage.shop_id).policy
        shelf = replace(policy.shelf, is_in_theme=on)
        save_policy(connection, stage.shop_id, replace(policy, shelf=shelf))


def carry(stage: DemoStage) -> bool:
    """Plan and run, as the workers do; whether there was anything to do."""
    if not themelists.plan(stage.context, stage.shop_id):
        return False
    run_jobs(stage)
    return True


def run_jobs(stage: DemoStage) -> None:
    for shop_id, job_id, kind in jobs.open_jobs(stage.context):
        assert kind == themelists.JOB
        with jobs.lease(stage.context, shop_id, job_id) as job:
            assert job is not None
            themelists.run(stage.context, job)


def chain(*lists: int) -> dict[int, list[int]]:
    """Beside each product the next few."""
    return {
        number: [(number + step - 1) % N_PRODUCTS + 1 for step in lists]
        for number in range(1, N_PRODUCTS + 1)
    }


def shown(stage: DemoStage, number: int, kind: ListKind = ListKind.RELATED) -> list[int] | None:
    kept = stage.store.metafields.get((gid("Product", number), NAMESPACE, KEYS[kind]))
    return kept and [int(each.rpartition("/")[2]) for each in json.loads(str(kept["value"]))]


def choose(stage: DemoStage, number: int, *listed: int) -> None:
    """The merchant picks related products by hand."""
    value = json.dumps([gid("Product", each) for each in listed])
    key = (gid("Product", number), NAMESPACE, KEYS[ListKind.RELATED])
    mark = {"value": value, "compareDigest": f"the merchant's {listed}"}
    stage.store.metafields[key] = {"type": "list.product_reference", "legacyResourceId": "1"} | mark
    stage.store.metafields[key] |= {"createdAt": "2026-11-20T10:00:00Z"}


class Calls:
    """Counts the writing calls, and cuts one off on demand: before it reaches the shop, or after."""

    def __init__(self, monkeypatch, *, cut_at: int = 0, is_sent: bool = False) -> None:
        self.sizes: list[int] = []
        write = ShopifyThemeLists.write

        def counted(lists, changes):
            self.sizes.append(len(changes))
            if len(self.sizes) == cut_at:
                if is_sent:
                    write(lists, changes)
                raise ConnectionResetError
            return write(lists, changes)

        monkeypatch.setattr(ShopifyThemeLists, "write", counted)


def test_it_is_off_unless_the_merchant_switches_it_on(stage):
    stage.publish({"also_bought": chain(1, 2)})
    assert not carry(stage)
    assert shown(stage, 1) is None


def test_lists_are_written_25_to_a_call_and_the_theme_shows_them(stage, monkeypatch):
    calls = Calls(monkeypatch)
    stage.publish({"also_bought": chain(1, 2), "complements": chain(3)})
    switch(stage, on=True)
    assert carry(stage)
    assert calls.sizes == [25, 25, 25, 25, 20]
    assert shown(stage, 60) == [1, 2]
    assert shown(stage, 60, ListKind.COMPLEMENTARY) == [3]
    import requests

    asked = {"product_id": "60", "intent": "complementary", "limit": "4"}
    answer = requests.get(f"{stage.store.base_url}/recommendations/products.json", params=asked, timeout=60)
    assert [each["title"] for each in answer.json()["products"]] == ["Tea 3"]


def test_only_differences_are_written(stage, monkeypatch):
    stage.publish({"also_bought": chain(1, 2)})
    switch(stage, on=True)
    assert carry(stage)
    assert not carry(stage)
    calls = Calls(monkeypatch)
    lists = chain(1, 2)
    lists[7], lists[9] = [1], []
    stage.publish({"also_bought": lists})
    assert carry(stage)
    assert calls.sizes == [2]
    assert shown(stage, 7) == [1]
    assert shown(stage, 9) is None


def test_what_the_merchant_chose_is_never_touched(stage):
    choose(stage, 5, 44, 45)
    stage.publish({"also_bought": chain(1, 2)})
    switch(stage, on=True)
    carry(stage)
    assert shown(stage, 5) == [44, 45]
    choose(stage, 6, 50)
    choose(stage, 7)
    stage.publish({"also_bought": chain(2, 3)})
    carry(stage)
    assert (shown(stage, 5), shown(stage, 6), shown(stage, 7)) == ([44, 45], [50], [])
    assert shown(stage, 8) == [10, 11]
    with stage.context.db.shop(stage.shop_id) as connection:
        told = themelists.standing(connection, stage.shop_id)
    assert (told.n_ours, told.n_theirs) == (N_PRODUCTS - 3, 3)


def test_a_list_the_merchant_gives_up_is_filled(stage):
    choose(stage, 5, 44)
    stage.publish({"also_bought": chain(1)})
    switch(stage, on=True)
    carry(stage)
    choose(stage, 5)
    stage.publish({"also_bought": chain(1)})
    carry(stage)
    assert shown(stage, 5) == [6]


def test_undoing_puts_back_what_was_there(stage):
    choose(stage, 4)
    choose(stage, 5, 44, 45)
    before = {key: dict(kept) for key, kept in stage.store.metafields.items()}
    stage.publish({"also_bought": chain(1, 2), "complements": chain(3)})
    switch(stage, on=True)
    carry(stage)
    choose(stage, 6, 50)
    switch(stage, on=False)
    assert carry(stage)
    assert (shown(stage, 4), shown(stage, 5), shown(stage, 6)) == ([], [44, 45], [50])
    assert len(stage.store.metafields) == len(before) + 1
    with stage.context.db.shop(stage.shop_id) as connection:
        assert connection.execute(text("SELECT count(*) FROM theme_lists")).scalar() == 0
    assert not carry(stage)


@pytest.mark.parametrize("is_sent", [False, True])
@pytest.mark.parametrize("cut_at", [1, 2, 3])
def test_a_worker_killed_in_the_middle_is_followed_by_one_that_goes_on(stage, monkeypatch, cut_at, is_sent):
    stage.publish({"also_bought": chain(1, 2)})
    switch(stage, on=True)
    cut_off(stage, monkeypatch, cut_at, is_sent)
    let_leases_end(stage)
    run_jobs(stage)
    assert [shown(stage, number) for number in (1, 30, 60)] == [[2, 3], [31, 32], [1, 2]]
    switch(stage, on=False)
    cut_off(stage, monkeypatch, cut_at, is_sent)
    let_leases_end(stage)
    run_jobs(stage)
    assert not [key for key in stage.store.metafields if key[1] == NAMESPACE]


def cut_off(stage: DemoStage, monkeypatch, cut_at: int, is_sent: bool) -> None:
    with monkeypatch.context() as patch:
        Calls(patch, cut_at=cut_at, is_sent=is_sent)
        with pytest.raises(ConnectionResetError):
            begin_or_go_on(stage)


def begin_or_go_on(stage: DemoStage) -> None:
    if not themelists.plan(stage.context, stage.shop_id):
        assert jobs.open_jobs(stage.context)
    run_jobs(stage)


def let_leases_end(stage: DemoStage) -> None:
    with stage.context.db.shop(stage.shop_id) as connection:
        connection.execute(text("UPDATE jobs SET leased_until = now() - interval '1 hour'"))


@pytest.mark.parametrize("is_first_time", [True, False])
def test_what_was_written_is_known_as_ours_after_two_faults(stage, monkeypatch, is_first_time):
    switch(stage, on=True)
    if not is_first_time:
        stage.publish({"also_bought": chain(5)})
        carry(stage)
    stage.publish({"also_bought": chain(1, 2)})
    cut_off(stage, monkeypatch, 1, is_sent=True)
    stage.publish({"also_bought": chain(3, 4)})
    let_leases_end(stage)
    cut_off(stage, monkeypatch, 1, is_sent=False)
    let_leases_end(stage)
    run_jobs(stage)
    assert shown(stage, 1) == [4, 5]
    switch(stage, on=False)
    assert carry(stage)
    assert not [key for key in stage.store.metafields if key[1] == NAMESPACE]


def test_what_was_written_is_taken_away_after_two_faults(stage, monkeypatch):
    stage.publish({"also_bought": chain(1, 2)})
    switch(stage, on=True)
    carry(stage)
    stage.publish({"also_bought": chain(3, 4)})
    cut_off(stage, monkeypatch, 1, is_sent=True)
    switch(stage, on=False)
    let_leases_end(stage)
    cut_off(stage, monkeypatch, 1, is_sent=False)
    let_leases_end(stage)
    run_jobs(stage)
    assert not [key for key in stage.store.metafields if key[1] == NAMESPACE]


def test_what_was_written_is_known_as_ours_after_a_fault_and_a_refusal(stage, monkeypatch):
    stage.publish({"also_bought": chain(1, 2)})
    switch(stage, on=True)
    cut_off(stage, monkeypatch, 1, is_sent=True)
    stage.publish({"also_bought": chain(3, 4)})
    let_leases_end(stage)
    with monkeypatch.context() as patch:
        patch.setattr(ShopifyThemeLists, "write", lambda _, changes: {each.ref: "no" for each in changes})
        run_jobs(stage)
    assert shown(stage, 1) == [2, 3]
    switch(stage, on=False)
    assert carry(stage)
    assert not [key for key in stage.store.metafields if key[1] == NAMESPACE]


def test_a_list_changed_between_reading_and_writing_stays(stage, monkeypatch):
    stage.publish({"also_bought": chain(1, 2)})
    switch(stage, on=True)
    write = ShopifyThemeLists.write

    def after_the_merchant(lists, changes):
        choose(stage, 3, 33)
        return write(lists, changes)

    monkeypatch.setattr(ShopifyThemeLists, "write", after_the_merchant)
    carry(stage)
    assert shown(stage, 3) == [33]
    assert shown(stage, 4) == [5, 6]


def test_switched_off_under_way_it_stops_and_is_undone(stage, monkeypatch):
    stage.publish({"also_bought": chain(1, 2)})
    switch(stage, on=True)
    write = ShopifyThemeLists.write

    def then_switch_off(lists, changes):
        switch(stage, on=False)
        return write(lists, changes)

    with monkeypatch.context() as patch:
        patch.setattr(ShopifyThemeLists, "write", then_switch_off)
        carry(stage)
    assert sum(shown(stage, number) is not None for number in range(1, N_PRODUCTS + 1)) == 25
    assert carry(stage)
    assert not [key for key in stage.store.metafields if key[1] == NAMESPACE]


def test_without_the_permission_nothing_is_written_and_it_waits(stage):
    stage.allow()
    stage.publish({"also_bought": chain(1)})
    switch(stage, on=True)
    with pytest.raises(NeedsApprovalError, match="write_products"):
        carry(stage)
    assert not carry(stage)
    stage.allow("write_products")
    with stage.context.db.shop(stage.shop_id) as connection:
        themelists.ask_again(connection, stage.shop_id)
    assert carry(stage)
    assert shown(stage, 1) == [2]


def test_products_that_are_gone_stop_nothing(stage):
    stage.publish({"also_bought": chain(1, 2)})
    switch(stage, on=True)
    stage.store.delete_product(9)
    carry(stage)
    # Refused with their places, which name what is gone; the others are written.
    assert shown(stage, 10) == [11, 12]
    assert shown(stage, 8) is None
