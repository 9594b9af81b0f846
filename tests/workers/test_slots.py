"""A worker always has a slot left for mail and webhooks, whatever long work waits."""

from __future__ import annotations

import multiprocessing
import os
import signal

import pytest

from workers import slots


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    monkeypatch.setattr(slots, "_slots", None)
    yield
    if slots._slots is not None:
        slots._slots[0].close()


def test_long_work_holds_all_slots_but_one_and_what_comes_then_waits():
    slots.prepare(options={"concurrency": 3, "queues": "ingest,send,train"})
    with slots.long_work() as first, slots.long_work() as second, slots.long_work() as third:
        assert (first, second, third) == (True, True, False)
    with slots.long_work() as again:
        assert again


@pytest.mark.parametrize(
    ("options", "n_slots"),
    [
        ({"concurrency": 2, "queues": "ingest,send,train"}, 1),
        ({"concurrency": 1, "queues": "ingest,send,train"}, 1),
        ({"concurrency": 2, "queues": "train"}, 2),
        ({}, 1),
    ],
)
def test_a_single_slot_and_a_machine_for_training_alone_hold_nothing_back(options, n_slots):
    slots.prepare(options=options)
    assert slots._slots[1] == n_slots


def test_a_worker_leaves_nothing_in_the_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    slots.prepare(options={"concurrency": 3})
    with slots.long_work() as is_free:
        assert is_free
        assert list(tmp_path.iterdir()) == []


def test_without_a_worker_around_nothing_waits():
    with slots.long_work() as first, slots.long_work() as second:
        assert (first, second) == (True, True)


def _hold(is_held):
    with slots.long_work() as is_free:
        assert is_free
        is_held.set()
        signal.pause()


def test_a_killed_process_gives_its_slot_back():
    slots.prepare(options={"concurrency": 2})
    context = multiprocessing.get_context("fork")
    is_held = context.Event()
    child = context.Process(target=_hold, args=(is_held,))
    child.start()
    is_held.wait()
    with slots.long_work() as is_free:
        assert not is_free
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    with slots.long_work() as is_free:
        assert is_free
