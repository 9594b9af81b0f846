"""Two hundred mails while their senders are killed again and again: none goes out twice, none is forgotten."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import Engine, text

from app.clock import real_now
from app.domain.events import Consent, ConsentState
from app.services import consenting
from app.services.context import Context
from tests.conftest import NOW, ROOT, Shop
from tests.db.messaging_processes import environment_for, platform
from tests.db.messaging_stage import Stage, set_stage
from tests.faults.harness import wait_until
from tests.fixtures.smtp_server import Fault, SmtpServerDouble

N_MAILS = 200
N_WORKERS = 2
N_KILLS = 10
# Seconds; far longer than the run takes, so that a hang fails instead of blocking the suite.
TIME_LIMIT_SECONDS = 600

# The periodic task itself, as a Celery worker runs it, with everything assembled from the environment.
WORKER = """
import time
from workers.messaging import send_due
while True:
    send_due()
    time.sleep(0.05)
"""


class Workers:
    """Senders in processes of their own."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.environment = environment
        self.log = log
        self.running: list[subprocess.Popen[bytes]] = []
        self.n_killed = 0

    def start(self) -> None:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", WORKER], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )
        self.running.append(process)

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.running.remove(process)
        self.n_killed += 1

    def kill_all(self) -> None:
        for process in list(self.running):
            self.kill(process)


def fill(stage: Stage) -> None:
    yes = Consent(state=ConsentState.SUBSCRIBED, changed_at=NOW - timedelta(days=1))
    for number in range(N_MAILS):
        email = f"buyer{number}@example.com"
        with stage.context.db.shop(stage.shop_id) as connection:
            consenting.record_consent(connection, stage.shop_id, stage.hash_of(email), yes, NOW)
        stage.cart(f"cart-{number}", email)
    assert stage.plan() == N_MAILS


def end_leases(owner: Engine) -> None:
    """What time does by itself after five minutes; nobody may be at work, or their mail would be in doubt too."""
    with owner.connect() as connection:
        connection.execute(
            text("UPDATE messages SET claimed_until = :past WHERE state IN ('claimed', 'handed_over')"),
            {"past": real_now() - timedelta(seconds=1)},
        )


def n_at_work(owner: Engine) -> int:
    """Transactions the database has yet to end: it learns of a sender's death a moment after us."""
    with owner.connect() as connection:
        statement = """
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'regulars' AND state <> 'idle'"""
        return int(connection.execute(text(statement)).scalar_one())


def n_open(stage: Stage) -> int:
    states = stage.states()
    return states.get("planned", 0) + states.get("claimed", 0) + states.get("handed_over", 0)


@pytest.mark.faults
def test_killed_senders_send_nothing_twice_and_forget_nothing(
    context: Context, owner: Engine, ada: Shop, tmp_path: Path
) -> None:
    stage = set_stage(context, ada.shop_id)
    fill(stage)
    drawn = random.Random(20261120)
    deadline = time.monotonic() + TIME_LIMIT_SECONDS
    with ExitStack() as stack:
        shop_url = stack.enter_context(platform())
        server = stack.enter_context(SmtpServerDouble(Fault.SLOW))
        log = tmp_path / "workers.log"
        workers = Workers(environment_for(context, shop_url) | {"SMTP_URL": server.url}, log)
        stack.callback(workers.kill_all)
        for _ in range(N_WORKERS):
            workers.start()
        for _ in range(N_KILLS):
            # Any moment of a mail's way is as likely as another: the server's answers take most of the time.
            server.wait_for_mails(len(server.mails) + drawn.randint(1, 12), timeout_seconds=20)
            Event().wait(drawn.uniform(0, 0.1))
            workers.kill(drawn.choice(workers.running))
            workers.start()
        workers.kill_all()
        n_killed = workers.n_killed
        wait_until("the end of what the killed had begun", lambda: n_at_work(owner) == 0)
        end_leases(owner)
        for _ in range(N_WORKERS):
            workers.start()
        while n_open(stage) and time.monotonic() < deadline:
            server.wait_for_mails(len(server.mails) + 1, timeout_seconds=0.5)
    states = stage.states()
    assert set(states) <= {"sent", "unknown"}, log.read_text()[-2000:]
    assert sum(states.values()) == N_MAILS
    # A kill leaves at most the one mail in doubt that its worker was handing over.
    assert states.get("unknown", 0) <= n_killed
    ids = Counter(message_from_bytes(mail.raw)["Message-ID"] for mail in server.mails)
    assert [message_id for message_id, n in ids.items() if n > 1] == []
    sent = stage.fetch("SELECT rfc_message_id FROM messages WHERE state = 'sent'")
    assert {f"<{row['rfc_message_id']}@localhost>" for row in sent} <= set(ids)
    assert len(ids) <= N_MAILS
