"""The periodic tasks, in a process of their own as Celery runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta

import pytest

from app.domain.events import ConsentState
from app.services.context import Context
from tests.conftest import NOW, ROOT, Shop
from tests.db.messaging_processes import environment_for, platform
from tests.db.messaging_stage import DAN, Stage, set_stage
from workers.schedule import PERIODS

ONE_ROUND = """
import json, sys
from workers.celery_app import celery
import workers.messaging as tasks
tasks.plan()
tasks.plan_win_backs()
tasks.send_due()
print(json.dumps(sorted(name for name in celery.tasks if name.startswith("messaging."))), file=sys.stderr)
"""


@pytest.fixture
def stage(context: Context, ada: Shop) -> Stage:
    return set_stage(context, ada.shop_id)


def run_one_round(context: Context) -> tuple[str, list[str]]:
    """Without SMTP_URL mails are printed; returns what was printed, and the tasks Celery knows."""
    with platform() as shop_url:
        done = subprocess.run(
            [sys.executable, "-c", ONE_ROUND],
            cwd=ROOT,
            env=environment_for(context, shop_url),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout, json.loads(done.stderr.strip().splitlines()[-1])


def test_one_round_plans_and_sends_for_every_shop(stage: Stage, ben: Shop) -> None:
    bens = set_stage(stage.context, ben.shop_id)
    stage.cart()
    bens.consent(DAN, ConsentState.SUBSCRIBED, days=200)
    bens.customer("dan", DAN)
    bens.product("p1", "Chain oil")
    bens.order("1", email=DAN, customer="dan", placed_at=NOW - timedelta(days=121))
    printed, known = run_one_round(stage.context)
    assert "Subject: Still thinking about “Blue mug”?" in printed
    assert "Subject: Dan, it has been a while" in printed
    assert stage.states() == bens.states() == {"sent": 1}
    assert known == [
        "messaging.mail_sign_in_links",
        "messaging.make_codes",
        "messaging.plan",
        "messaging.plan_win_backs",
        "messaging.send_due",
        "messaging.send_tests",
    ]
    assert known == sorted(name for name in PERIODS if name.startswith("messaging."))
