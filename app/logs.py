"""Structured logs on standard error; tokens and addresses never reach them."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

# Shopify's and WooCommerce's tokens and secrets, and e-mail addresses, wherever they may turn up in a message; and
# what opens something where it stands in an address: of a mail's links, of a way in, of a shop's own hook.
_SECRETS = re.compile(
    r"shp[a-z]{2,4}_[A-Za-z0-9_-]+|c[ks]_[0-9a-f]{40}|eyJ[\w-]+\.[\w-]+\.[\w-]+|(?<=id_token=)[^&\s\"']+"
    r"|(?<=/[rcup]/)[\w.-]{16,}|(?<=/sign-in/)[^\s/?#\"']+|(?<=/moved/)[^\s/?#\"']+|(?<=/woocommerce/)[\w-]+\.[\w-]+"
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
)


def configure_logs(level: str) -> None:
    """Send every record of the process through one redacting renderer."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.PositionalArgumentsFormatter(), *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.LogfmtRenderer(
                    key_order=["timestamp", "level", "event"], bool_as_flag=False
                ),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # One line per request would be the access log's business, and it would hold session tokens.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    logging.getLogger("kombu").setLevel(logging.ERROR)


def redact(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank secrets and addresses in every text of a record."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _SECRETS.sub("[redacted]", value)
    return event
