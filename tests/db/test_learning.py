"""Between two full passes an order moves the lists it speaks of, whichever worker takes it and whatever gets lost."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, text

from app.db.models import Model, RecommendationList
from app.domain.events import ErasureRequested
from app.services import jobs, learning, recording, training
from app.services.privacy import erase_person
from app.services.recommending import MAX_SEEN, Ranking, explain
from app.services.shops import get_shop
from app.services.training import full
from app.services.training.forgetting import PersonForgottenError
from tests.conftest import NOW
from tests.db.learning_stage import order, place, product, run_training, shelf, stock

# Bought together four times from now on, and never before.
NEW_PAIR = ["p0-0", "p5-1"]

# One training serves all tests: its rows are kept here and put back.
_kept: dict[str, list[dict[str, object]]] = {}


@pytest.fixture
def shop(context, ada):
    """Ada's shop, trained."""
    stock(context, ada)
    if not _kept:
        assert run_training(context, ada).is_published
        with context.db.shop(ada.shop_id) as connection:
            for table in (Model.__table__, RecommendationList.__table__):
                rows = connection.execute(select(table)).mappings()
                _kept[table.name] = [dict(row) for row in rows]
        return ada
    publish_again(context, ada)
    return ada


def publish_again(context, shop, n=1):
    with context.db.shop(shop.shop_id) as connection:
        (model,) = _kept["models"]
        connection.execute(insert(Model).values({k: v for k, v in model.items() if k != "model_id"}))
        rows = [{**row, "model_id": n} for row in _kept["recommendations"]]
        connection.execute(insert(RecommendationList), rows)
        connection.execute(text("UPDATE shops SET trained_at = :now"), {"now": NOW})


@pytest.fixture
def memory():
    return learning.Memory()


def buy_new_pair(context, shop, first=9000, n=4, customer="c1"):
    place(context, shop, *(order(first + k, NEW_PAIR, customer=customer) for k in range(n)))


def rows_of(context, shop, which="true"):
    with context.db.shop(shop.shop_id) as connection:
        found = connection.execute(text(f"SELECT * FROM recommendations WHERE {which}")).mappings()
        return {(row["model_id"], row["strategy"], row["subject_id"], row["revision"]): row for row in found}


def evidence_for(context, shop, seed, other):
    with context.db.shop(shop.shop_id) as connection:
        explained = explain(connection, get_shop(connection, shop.shop_id), seed)
    return {reason.card.platform_product_id: reason for reason in explained.reasons}[other].n_together


def test_an_order_moves_the_lists_it_speaks_of_without_a_full_pass(context, shop, memory):
    before = rows_of(context, shop)
    assert shelf(context, shop, "p0-0", 3) == ["p0-1", "p0-2", "p0-3"]
    buy_new_pair(context, shop)
    learned = learning.learn(context, shop.shop_id, memory)
    assert (learned.model_id, learned.revision, learned.n_rows) == (1, 1, 8)
    assert shelf(context, shop, "p0-0")[3] == "p5-1"
    assert shelf(context, shop, "p5-1")[3] == "p0-0"
    assert evidence_for(context, shop, "p0-0", "p5-1") == 4
    # What the full pass published still lies there, to the last score.
    after = rows_of(context, shop)
    assert {key: after[key] for key in before} == before
    assert len(after) == len(before) + learned.n_lists


def test_a_list_has_its_first_form_and_its_latest_and_no_third(context, shop, memory):
    for n in range(3):
        buy_new_pair(context, shop, first=9000 + 10 * n, n=2)
        assert learning.learn(context, shop.shop_id, memory).revision == n + 1
    revisions = [key[3] for key in rows_of(context, shop, "strategy = 'also_bought'") if key[2] == 1]
    assert sorted(revisions) == [0, 3]
    assert evidence_for(context, shop, "p0-0", "p5-1") == 6


def test_only_lists_that_differ_from_those_shown_are_written(context, shop, memory):
    before = rows_of(context, shop)
    buy_new_pair(context, shop)
    learned = learning.learn(context, shop.shop_id, memory)
    moved = rows_of(context, shop, "revision = 1")
    assert len(moved) == learned.n_lists > 0
    for (model_id, strategy, subject_id, _), row in moved.items():
        shown = before.get((model_id, strategy, subject_id, 0))
        assert shown is None or (row["product_ids"], row["evidence"]) != (
            shown["product_ids"],
            shown["evidence"],
        )


def test_no_list_ever_holds_its_own_product_or_one_twice(context, shop, memory):
    place(context, shop, *(order(9000 + n, ["p0-0", "p0-0", f"p{n}-2"], customer=f"c{n}") for n in range(6)))
    learning.learn(context, shop.shop_id, memory)
    moved = rows_of(context, shop, "revision > 0")
    assert len(moved) > 10
    for (_, strategy, subject_id, _), row in moved.items():
        assert len(set(row["product_ids"])) == len(row["product_ids"])
        if strategy in ("also_bought", "complements", "similar"):
            assert subject_id not in row["product_ids"]


def test_a_buyers_own_lists_know_the_order_at_once(context, shop, memory):
    with context.db.shop(shop.shop_id) as connection:
        buyer = connection.execute(
            text("SELECT customer_id FROM customers WHERE platform_customer_id = 'c1'")
        ).scalar_one()
        bought = connection.execute(
            text("SELECT product_id FROM products WHERE platform_product_id = 'p5-1'")
        ).scalar_one()
    buy_new_pair(context, shop)
    learning.learn(context, shop.shop_id, memory)
    theirs = rows_of(context, shop, f"revision = 1 AND subject_id = {buyer}")
    assert bought not in theirs[1, "discover", buyer, 1]["product_ids"]
    assert bought in theirs[1, "buy_again", buyer, 1]["product_ids"]


def test_a_new_product_and_a_new_customer_take_part_from_their_first_order(context, shop, memory):
    with context.db.shop(shop.shop_id) as connection:
        recording.record_products(connection, shop.shop_id, [product("new", "Family3 kind9")], "EUR")
    assert learning.learn(context, shop.shop_id, memory).n_rows == 0
    assert set(shelf(context, shop, "new")[:4]) == {"p3-0", "p3-1", "p3-2", "p3-3"}
    place(context, shop, *(order(9000 + n, ["new", "p7-1"], customer="stranger") for n in range(3)))
    assert learning.learn(context, shop.shop_id, memory).n_rows == 6
    assert evidence_for(context, shop, "new", "p7-1") == 3
    assert evidence_for(context, shop, "p7-1", "new") == 3


def test_what_sells_now_moves_with_the_orders_and_is_written_only_when_it_differs(context, shop, memory):
    def of_shop(strategy):
        return rows_of(context, shop, f"strategy = '{strategy}' AND subject_id = 0")

    before = {name: of_shop(name)[1, name, 0, 0]["product_ids"] for name in ("bestsellers", "rising")}
    with context.db.shop(shop.shop_id) as connection:
        sold = connection.execute(
            text("SELECT product_id FROM products WHERE platform_product_id = 'p7-3'")
        ).scalar_one()
    assert sold not in [before["bestsellers"][0], before["rising"][0]]
    place(context, shop, *(order(9000 + n, ["p7-3"], customer=f"c{n}") for n in range(40)))
    learning.learn(context, shop.shop_id, memory)
    for name, product_ids in before.items():
        assert of_shop(name)[1, name, 0, 0]["product_ids"] == product_ids
        assert of_shop(name)[1, name, 0, 1]["product_ids"][0] == sold
    # One more of what leads anyway changes nothing there.
    place(context, shop, order(9100, ["p7-3"], customer="c1"))
    assert learning.learn(context, shop.shop_id, memory).revision == 2
    assert {key[3] for key in of_shop("bestsellers")} == {0, 1}


def test_a_new_product_stands_beside_what_is_like_it_before_anyone_bought_it(context, shop, memory):
    with context.db.shop(shop.shop_id) as connection:
        recording.record_products(connection, shop.shop_id, [product("new", "Family3 kind1 kind2")], "EUR")
        new = connection.execute(
            text("SELECT product_id FROM products WHERE platform_product_id = 'new'")
        ).scalar_one()
    learning.learn(context, shop.shop_id, memory)
    moved = rows_of(context, shop, "strategy = 'similar' AND revision = 1")
    assert sum(new in row["product_ids"] for row in moved.values()) >= 4


def test_who_looked_at_products_gets_what_belongs_to_them_and_the_newest_counts_most(context, shop):
    with context.db.shop(shop.shop_id) as connection:
        ids = dict(connection.execute(text("SELECT platform_product_id, product_id FROM products")).all())
        names = {product_id: name for name, product_id in ids.items()}
        ranking = Ranking(connection, shop.shop_id)

        def after(*seen):
            return [names[i] for i in next(ranking.after_seeing(seen))[1]]

        assert after("p0-0", "p5-1")[0].startswith("p0-")
        assert after("p5-1", "p0-0")[0].startswith("p5-")
        assert {name[:2] for name in after("p0-0", "p5-1")[:6]} == {"p0", "p5"}
        assert not {"p0-0", "p5-1"} & set(after("p0-0", "p5-1"))
        many = [f"p{n}-0" for n in range(MAX_SEEN + 1)]
        assert after(*many) == after(*many[:MAX_SEEN])
        # What the shop has not, or nothing at all, leaves bestsellers.
        assert [strategy for strategy, _ in ranking.after_seeing(["unheard of"])] == ["bestsellers"]


def test_two_workers_at_once_count_an_order_once(context, shop):
    buy_new_pair(context, shop)
    found = []
    start = threading.Barrier(2)

    def work():
        start.wait()
        found.append(learning.learn(context, shop.shop_id, learning.Memory()))

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(learned is not None for learned in found) in (1, 2)
    assert evidence_for(context, shop, "p0-0", "p5-1") == 4
    assert max(key[3] for key in rows_of(context, shop)) == sum(learned is not None for learned in found)


def test_a_worker_that_finds_another_at_it_leaves_at_once_and_keeps_what_it_has(context, shop, memory):
    buy_new_pair(context, shop)
    learning.learn(context, shop.shop_id, memory)
    known = memory.known[shop.shop_id]
    buy_new_pair(context, shop, first=9100)
    with context.db.shop(shop.shop_id) as connection:
        connection.execute(text("SELECT 1 FROM models WHERE state = 'published' FOR UPDATE"))
        assert learning.learn(context, shop.shop_id, memory) is None
    assert memory.known[shop.shop_id] is known
    assert learning.learn(context, shop.shop_id, memory).n_rows == 8


def test_what_a_dying_worker_took_the_next_one_takes_again(context, shop, memory, monkeypatch):
    buy_new_pair(context, shop, n=2)
    with monkeypatch.context() as patched:
        # Everything but the commit: the worker is gone before it.
        patched.setattr(learning, "_mark_learned", _die)
        with pytest.raises(KeyboardInterrupt):
            learning.learn(context, shop.shop_id, memory)
    assert max(key[3] for key in rows_of(context, shop)) == 0
    buy_new_pair(context, shop, first=9100, n=2)
    assert learning.learn(context, shop.shop_id, learning.Memory()).n_rows == 8
    assert evidence_for(context, shop, "p0-0", "p5-1") == 4


def _die(*_):
    raise KeyboardInterrupt


def test_a_fresh_worker_counts_what_others_learned_before_it(context, shop):
    for n in range(3):
        buy_new_pair(context, shop, first=9000 + 10 * n, n=1)
        learning.learn(context, shop.shop_id, learning.Memory())
    assert evidence_for(context, shop, "p0-0", "p5-1") == 3


def test_an_order_that_becomes_visible_late_is_learned_with_the_next(context, shop, memory):
    with context.db.shop(shop.shop_id) as slow:
        recording.record_orders(slow, context.hasher, shop.shop_id, [order(9000, NEW_PAIR)])
        place(context, shop, order(9001, NEW_PAIR))
        assert learning.learn(context, shop.shop_id, memory).n_rows == 2
    place(context, shop, order(9002, NEW_PAIR))
    assert learning.learn(context, shop.shop_id, memory).n_rows == 4
    assert evidence_for(context, shop, "p0-0", "p5-1") == 3


def test_after_a_roll_back_an_order_moves_the_lists_that_are_back(context, shop, memory):
    with context.db.shop(shop.shop_id) as connection:
        connection.execute(text("UPDATE models SET state = 'retired'"))
    publish_again(context, shop, n=2)
    buy_new_pair(context, shop, n=2)
    assert learning.learn(context, shop.shop_id, memory).model_id == 2
    assert training.roll_back(context, shop.shop_id) == 1
    assert shelf(context, shop, "p0-0", 3) == ["p0-1", "p0-2", "p0-3"]
    buy_new_pair(context, shop, first=9100, n=2)
    learned = learning.learn(context, shop.shop_id, memory)
    # The model that is back has seen none of the four.
    assert (learned.model_id, learned.revision, learned.n_rows) == (1, 1, 8)
    assert evidence_for(context, shop, "p0-0", "p5-1") == 4


def test_one_nudge_waits_at_a_time_and_none_is_sent_for_nothing(context, shop, memory, queue, monkeypatch):
    # No machine is so slow that these are over before they are looked at.
    monkeypatch.setattr(learning, "LEAST_PAUSE_SECONDS", 3600.0)
    monkeypatch.setattr(learning, "NUDGE_MILLISECONDS", 3_600_000)
    assert not learning.ask_to_learn(context, shop.shop_id)
    buy_new_pair(context, shop, n=1)
    assert learning.ask_to_learn(context, shop.shop_id)
    buy_new_pair(context, shop, first=9100, n=1)
    assert not learning.ask_to_learn(context, shop.shop_id)
    assert queue.nudges == [("training.learn", shop.shop_id)]
    assert memory.pause_seconds(shop.shop_id) == 0
    assert learning.learn(context, shop.shop_id, memory).n_rows == 4
    assert 0 < memory.pause_seconds(shop.shop_id) <= learning.LEAST_PAUSE_SECONDS
    assert not learning.ask_to_learn(context, shop.shop_id)
    buy_new_pair(context, shop, first=9200, n=1)
    assert learning.ask_to_learn(context, shop.shop_id)


def test_while_a_history_comes_in_and_when_much_came_at_once_the_full_pass_learns(
    context, shop, memory, queue, monkeypatch
):
    queue.nudges.clear()
    place(context, shop, order(9000, ["p0-0", "p0-1"]))
    with context.db.shop(shop.shop_id) as connection:
        jobs.enqueue_job(connection, shop.shop_id, "import", NOW)
    assert not learning.ask_to_learn(context, shop.shop_id)
    assert not training.plan_training(context, shop.shop_id)
    with context.db.shop(shop.shop_id) as connection:
        connection.execute(text("DELETE FROM jobs WHERE kind = 'import'"))
    assert learning.ask_to_learn(context, shop.shop_id)
    assert not training.plan_training(context, shop.shop_id)
    monkeypatch.setattr(learning, "LARGE_ROWS", 1)
    monkeypatch.setattr(learning, "LARGE_SHARE", 0.001)
    assert learning.learn(context, shop.shop_id, memory) is None
    assert training.plan_training(context, shop.shop_id)


def test_cancelled_and_test_orders_move_nothing(context, shop, memory):
    buy_new_pair(context, shop)
    with context.db.shop(shop.shop_id) as connection:
        connection.execute(
            text("UPDATE orders SET cancelled_at = placed_at WHERE platform_order_id >= '9000'")
        )
    assert learning.learn(context, shop.shop_id, memory) is None
    assert not learning.ask_to_learn(context, shop.shop_id)


def test_a_model_that_can_not_be_read_waits_for_a_full_pass(context, shop, memory):
    buy_new_pair(context, shop)
    with context.db.shop(shop.shop_id) as connection:
        connection.execute(text("UPDATE models SET artifact = 'not a model'::bytea"))
    assert learning.learn(context, shop.shop_id, memory) is None
    assert not learning.ask_to_learn(context, shop.shop_id)
    assert training.plan_training(context, shop.shop_id)
    assert shelf(context, shop, "p0-0", 3) == ["p0-1", "p0-2", "p0-3"]


def test_forgetting_a_person_stops_learning_until_a_model_is_trained_without_them(context, shop, memory):
    place(context, shop, order(9000, ["p0-0", "p0-1"], customer="c1"))
    learning.learn(context, shop.shop_id, memory)
    with context.db.shop(shop.shop_id) as connection:
        record = get_shop(connection, shop.shop_id)
        receipt = erase_person(context, connection, record, ErasureRequested("c1", None))
        assert (
            connection.execute(text("SELECT count(*) FROM models WHERE artifact IS NOT NULL")).scalar() == 0
        )
    assert receipt["model_to_replace"] == 1
    place(context, shop, order(9100, ["p1-0", "p1-1"], customer="c2"))
    assert learning.learn(context, shop.shop_id, memory) is None
    assert not memory.known
    assert training.plan_training(context, shop.shop_id)
    trained = run_training(context, shop)
    with context.db.shop(shop.shop_id) as connection:
        receipts = connection.execute(text("SELECT receipt FROM erasures")).scalars().all()
        subjects = connection.execute(
            text("SELECT subjects FROM models WHERE model_id = :id"), {"id": trained.model_id}
        ).scalar_one()
        known = full.read_evidence(connection, shop.shop_id).index.customer_ids
    assert [receipt["model_without"] for receipt in receipts] == [trained.model_id] * len(receipts)
    assert receipts
    assert training.evidence.Index.unpack(subjects).customer_ids.tolist() == known.tolist()
    assert 2 not in known  # c1 was the second customer
    buy_new_pair(context, shop, first=9200, n=1, customer="c2")
    assert learning.learn(context, shop.shop_id, memory).model_id == trained.model_id


def test_a_model_that_was_learning_from_a_person_while_they_were_forgotten_is_not_published(
    context, shop, monkeypatch
):
    fitted = full.recommender.fit

    def fit_while_someone_is_forgotten(*arguments, **options):
        with context.db.shop(shop.shop_id) as connection:
            erase_person(
                context, connection, get_shop(connection, shop.shop_id), ErasureRequested("c1", None)
            )
        return fitted(*arguments, **options)

    monkeypatch.setattr(full.recommender, "fit", fit_while_someone_is_forgotten)
    with pytest.raises(PersonForgottenError):
        run_training(context, shop)
    with context.db.shop(shop.shop_id) as connection:
        assert connection.execute(text("SELECT array_agg(model_id) FROM models")).scalar() == [1]
        assert connection.execute(text("SELECT state FROM jobs")).scalar() == "running"


def test_a_full_pass_goes_on_from_the_published_model_for_a_week_and_after_an_erasure_begins_anew(
    context, shop
):
    began_at = passes_of(context, shop)[1]
    assert began_at == NOW
    with context.db.shop(shop.shop_id) as connection:
        connection.execute(text("UPDATE models SET from_scratch_at = :at"), {"at": NOW - timedelta(days=6)})
    n_together = evidence_for(context, shop, "p0-0", "p0-1")
    place(context, shop, order(9000, ["p0-0", "p0-1"]))
    second = run_training(context, shop).model_id
    assert passes_of(context, shop)[second] == NOW - timedelta(days=6)
    assert evidence_for(context, shop, "p0-0", "p0-1") == n_together + 1
    with context.db.shop(shop.shop_id) as connection:
        connection.execute(text("UPDATE models SET from_scratch_at = :at"), {"at": NOW - timedelta(days=7)})
    third = run_training(context, shop).model_id
    assert passes_of(context, shop)[third] == NOW
    with context.db.shop(shop.shop_id) as connection:
        connection.execute(text("UPDATE models SET from_scratch_at = :at"), {"at": NOW - timedelta(days=1)})
        erase_person(context, connection, get_shop(connection, shop.shop_id), ErasureRequested("c1", None))
    fourth = run_training(context, shop).model_id
    assert passes_of(context, shop)[fourth] == NOW


def test_where_learning_loses_to_counting_shoppers_see_what_counting_lists(context, shop):
    # All at once four of the newest orders hold a pair that only their number can tell of.
    buy_new_pair(context, shop)
    trained = run_training(context, shop)
    assert trained.is_published
    assert "certainly below 0" in trained.reason
    assert "until learning wins" in trained.reason
    assert passes_of(context, shop)[trained.model_id] == NOW
    with context.db.shop(shop.shop_id) as connection:
        card = connection.execute(
            text("SELECT card FROM models WHERE model_id = :id"), {"id": trained.model_id}
        ).scalar_one()
    assert card["reason"] == trained.reason
    assert evidence_for(context, shop, *NEW_PAIR) == 4


def passes_of(context, shop):
    with context.db.shop(shop.shop_id) as connection:
        return dict(connection.execute(text("SELECT model_id, from_scratch_at FROM models")).all())
