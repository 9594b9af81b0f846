"""Bulk operations: one query over everything, written as JSONL while it is read. Knows no HTTP."""

from __future__ import annotations

import itertools
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from app.demo.amounts import gid, local, utc
from app.demo.fields import Caller
from app.demo.projection import BulkRefusedError, Plan, plan_query
from app.demo.store import DemoStore

# Since 2026-01 an app may run five bulk queries per shop at once (schema notes of bulkOperationRunQuery).
MAX_RUNNING = 5
# Root objects projected before their lines are written: small enough to be cancelled between, large enough to be fast.
N_CHUNK = 500
_RUNNING = ("CREATED", "RUNNING", "CANCELING")


@dataclass
class Operation:
    id: int
    query: str
    created_at: datetime
    secret: str
    status: str = "CREATED"
    error_code: str | None = None
    completed_at: datetime | None = None
    n_objects: int = 0
    n_roots: int = 0
    file_bytes: int = 0
    thread: threading.Thread | None = None

    @property
    def is_running(self) -> bool:
        return self.status in _RUNNING

    def shown(self, store: DemoStore) -> dict[str, Any]:
        """As the API shows it. There is no `url` for an empty result, and a partial one for a failed operation."""
        address = f"{store.base_url}/bulk/{self.id}/{self.secret}.jsonl" if self.n_objects else None
        return {
            "__typename": "BulkOperation",
            "id": gid("BulkOperation", self.id),
            "query": self.query,
            "status": self.status,
            "type": "QUERY",
            "errorCode": self.error_code,
            "createdAt": utc(self.created_at),
            "completedAt": utc(self.completed_at) if self.completed_at else None,
            "objectCount": str(self.n_objects),
            "rootObjectCount": str(self.n_roots),
            "fileSize": str(self.file_bytes) if self.completed_at and self.n_objects else None,
            "url": address if self.status == "COMPLETED" else None,
            "partialDataUrl": address if self.status in {"FAILED", "CANCELED"} else None,
        }


class BulkDesk:
    """Runs each operation in a thread of its own; results stay in `folder` until the process ends."""

    def __init__(self, store: DemoStore) -> None:
        self.store = store
        self.operations: dict[int, Operation] = {}
        # Breaks the next operations off after so many objects, as a failure at Shopify's side does.
        self.fail_after_objects: int | None = None
        # Cleared, operations wait between chunks: a slow day at Shopify.
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        # Set, an operation has ended when `run` returns: for whoever moves the clock by hand.
        self.runs_at_once = False
        self._folder = Path(tempfile.mkdtemp(prefix="demo-bulk-"))
        self._lock = threading.Lock()

    def path_of(self, operation: Operation) -> Path:
        return self._folder / f"{operation.id}.jsonl"

    def run(self, caller: Caller, query: str, group_objects: bool) -> Operation:
        """Starts it, or raises `BulkRefusedError` with the reason Shopify would give."""
        plan = plan_query(caller, query)
        with self._lock:
            running = [o for o in self.operations.values() if o.is_running]
            if len(running) >= MAX_RUNNING:
                raise BulkRefusedError(
                    "A bulk query operation for this app and shop is already in progress: "
                    f"{gid('BulkOperation', running[0].id)}.",
                    "OPERATION_IN_PROGRESS",
                )
            number = self.store.world.new_id()
            operation = Operation(number, query, self.store.now(), secrets.token_urlsafe(24))
            self.operations[number] = operation
        operation.thread = threading.Thread(
            target=self._work,
            args=(operation, plan, caller, group_objects),
            name=f"bulk-{number}",
            daemon=True,
        )
        operation.thread.start()
        return self.wait(operation) if self.runs_at_once else operation

    def cancel(self, operation: Operation) -> None:
        if operation.is_running:
            operation.status = "CANCELING"

    def _work(self, operation: Operation, plan: Plan, caller: Caller, group_objects: bool) -> None:
        if operation.status == "CREATED":
            operation.status = "RUNNING"
        if plan.denied is not None:
            self._finish(operation, "FAILED", "ACCESS_DENIED")
            return
        try:
            status, error_code = self._write(operation, plan, caller, group_objects)
        except Exception:
            # Whatever it was, the app that waits for an end must see one.
            self._finish(operation, "FAILED", "INTERNAL_SERVER_ERROR")
            raise
        self._finish(operation, status, error_code)

    def _write(
        self, operation: Operation, plan: Plan, caller: Caller, group_objects: bool
    ) -> tuple[str, str | None]:
        path = self.path_of(operation)
        # A group of one keeps children right behind their parent; otherwise they come after a chunk of parents.
        n_group = 1 if group_objects else N_CHUNK
        with path.open("w", encoding="utf-8") as file:
            for chunk in _chunks(plan.roots(caller), N_CHUNK):
                self.may_go_on.wait()
                if operation.status == "CANCELING":
                    return "CANCELED", None
                n_left = self._n_left(operation)
                for group in _chunks(chunk, n_group):
                    lines = plan.lines(caller, group)[:n_left]
                    file.writelines(lines)
                    operation.n_objects += len(lines)
                    n_left = self._n_left(operation)
                operation.n_roots += len(chunk)
                operation.file_bytes = file.tell()
                if n_left == 0:
                    return "FAILED", "INTERNAL_SERVER_ERROR"
        return "COMPLETED", None

    def _n_left(self, operation: Operation) -> int | None:
        """Objects until this operation breaks off; its last parents are then without some of their children."""
        limit = self.fail_after_objects
        return None if limit is None else max(0, limit - operation.n_objects)

    def _finish(self, operation: Operation, status: str, error_code: str | None) -> None:
        operation.completed_at = self.store.now()
        operation.status, operation.error_code = status, error_code
        zone = self.store.world.timezone
        self.store.tell_app(
            "bulk_operations/finish",
            {
                "admin_graphql_api_id": gid("BulkOperation", operation.id),
                "completed_at": local(operation.completed_at, zone),
                "created_at": local(operation.created_at, zone),
                "error_code": error_code.lower() if error_code else None,
                "status": status.lower(),
                "type": "query",
            },
        )

    def close(self) -> None:
        """Ends what runs and removes the results."""
        self.may_go_on.set()
        for operation in self.operations.values():
            self.cancel(operation)
            self.wait(operation)
        shutil.rmtree(self._folder, ignore_errors=True)

    def wait(self, operation: Operation, seconds: float = 60.0) -> Operation:
        if operation.thread is not None:
            operation.thread.join(seconds)
        return operation


def _chunks(items: Any, n_chunk: int) -> Iterator[list[Any]]:
    iterator = iter(items)
    while chunk := list(itertools.islice(iterator, n_chunk)):
        yield chunk
