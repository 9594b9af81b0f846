"""What may happen only so often may happen again when its time is over."""

from __future__ import annotations

from app.services.limits import may_again, take_back


def test_what_is_counted_may_happen_so_often_and_again_when_it_is_taken_back(context):
    assert [may_again(context, "x", most=2, seconds=60) for _ in range(3)] == [True, True, False]
    take_back(context, "x")
    take_back(context, "x")
    assert [may_again(context, "x", most=2, seconds=60) for _ in range(2)] == [True, False]


def test_what_is_taken_back_after_its_time_leaves_no_count_that_never_ends(context):
    may_again(context, "x", most=1, seconds=60)
    context.redis.flushall()  # the minute is over
    take_back(context, "x")
    assert may_again(context, "x", most=1, seconds=60)
    assert context.redis.ttl("limit:x") > 0
    assert not may_again(context, "x", most=1, seconds=60)
