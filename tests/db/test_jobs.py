"""A job belongs to one living worker: it is kept for as long as that lives, and taken over soon after it died."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.services import jobs
from tests.conftest import NOW


@pytest.fixture
def job_id(context, ada):
    with context.db.shop(ada.shop_id) as connection:
        jobs.enqueue_job(connection, ada.shop_id, "training", NOW)
    ((_, job_id, _),) = jobs.open_jobs(context)
    return job_id


def let_run_out(context, shop):
    with context.db.shop(shop.shop_id) as connection:
        connection.execute(text("UPDATE jobs SET leased_until = leased_until - interval '1 day'"))


def state_of(context, shop):
    with context.db.shop(shop.shop_id) as connection:
        return connection.execute(text("SELECT state FROM jobs")).scalar_one()


def test_only_one_worker_holds_a_job(context, ada, job_id):
    with jobs.lease(context, ada.shop_id, job_id) as mine:
        assert mine is not None
        with jobs.lease(context, ada.shop_id, job_id) as other:
            assert other is None
    assert state_of(context, ada) == "done"


def test_a_worker_that_says_nothing_for_long_keeps_its_job_while_it_lives(context, ada, job_id, monkeypatch):
    has_run_out, renewed, renew = threading.Event(), threading.Event(), jobs.RunningJob.renew

    def renew_and_tell(job):
        # One that was under way already may have come before the lease's end.
        begins_after_it = has_run_out.is_set()
        is_ours = renew(job)
        if begins_after_it:
            renewed.set()
        return is_ours

    monkeypatch.setattr(jobs, "RENEWED_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(jobs.RunningJob, "renew", renew_and_tell)
    with jobs.lease(context, ada.shop_id, job_id) as mine:
        assert mine is not None
        let_run_out(context, ada)
        has_run_out.set()
        assert renewed.wait(600)
        with jobs.lease(context, ada.shop_id, job_id) as other:
            assert other is None
    assert state_of(context, ada) == "done"


def test_a_dead_workers_job_is_taken_over_and_its_late_word_refused(context, ada, job_id):
    with jobs.lease(context, ada.shop_id, job_id) as dead:
        let_run_out(context, ada)
        with jobs.lease(context, ada.shop_id, job_id) as next_one:
            assert next_one is not None
            assert not dead.renew()
            with pytest.raises(jobs.LeaseLostError):
                dead.report(n_done=1)
        assert state_of(context, ada) == "done"
    assert state_of(context, ada) == "done"


def test_a_job_that_keeps_failing_is_given_up_and_says_why(context, ada, job_id):
    for _ in range(jobs.MAX_ATTEMPTS):
        with pytest.raises(ZeroDivisionError), jobs.lease(context, ada.shop_id, job_id):
            raise ZeroDivisionError("nothing to divide by")
        let_run_out(context, ada)
    with context.db.shop(ada.shop_id) as connection:
        row = connection.execute(text("SELECT state, error, n_attempts FROM jobs")).one()
    assert tuple(row) == ("failed", "ZeroDivisionError: nothing to divide by", jobs.MAX_ATTEMPTS)
    assert timedelta(seconds=2 * jobs.RENEWED_EVERY_SECONDS) < jobs.LEASE


def test_a_job_whose_workers_keep_dying_is_given_up_and_says_why(context, ada, job_id):
    for _ in range(jobs.MAX_STARTS):
        # What a worker does before it is killed.
        assert jobs._take(context, ada.shop_id, job_id) is not None
        let_run_out(context, ada)
    with jobs.lease(context, ada.shop_id, job_id) as mine:
        assert mine is None
    with context.db.shop(ada.shop_id) as connection:
        row = connection.execute(text("SELECT state, error FROM jobs")).one()
    assert row.state == "failed"
    assert "memory runs short" in row.error
    assert jobs.open_jobs(context) == []
