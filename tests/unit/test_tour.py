"""What the demo stands on: ports nobody answers on, logs that tell the cause, one demo at a time."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from rich.console import Console

from app.tour import stage
from app.tour.processes import ProcessDiedError, Troupe, free_port
from app.tour.stage import AlreadyOpenError, Options, set_stage


def test_a_port_that_is_shared_by_its_server_counts_as_taken() -> None:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        server.bind(("127.0.0.1", 0))
        server.listen()
        taken = server.getsockname()[1]
        assert free_port(taken) != taken
    assert free_port(taken) == taken


def test_what_did_not_happen_in_time_and_what_died_show_the_logs(tmp_path: Path) -> None:
    troupe = Troupe(tmp_path, {})
    with pytest.raises(ProcessDiedError, match=r"ended; the last lines of its log:\n.*app\.nowhere"):
        troupe.run("lost", "app.nowhere")
    (tmp_path / "web.log").write_text("".join(f"line {n}\n" for n in range(99)))
    assert troupe.last_words().startswith("--- lost.log\n")
    assert troupe.last_words().endswith("--- web.log\n" + "\n".join(f"line {n}" for n in range(74, 99)))


def test_a_second_demo_of_a_checkout_is_told_where_the_first_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "DATA", tmp_path / "data")
    with stage._only_one() as tell_address:
        tell_address("http://127.0.0.1:5200")
        with (
            pytest.raises(AlreadyOpenError, match=r"already open \(http://127.0.0.1:5200\); close it"),
            set_stage(Options(), Console()),
        ):
            pass
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["demo.lock"]
    with stage._only_one():
        pass
