"""Says the admin's texts in the merchant's language; the English text is the key."""

from __future__ import annotations

import flask_babel


def _(text: str, **values: object) -> str:
    """Translate, then fill in `%(name)s`."""
    return str(flask_babel.gettext(text, **values))


def ngettext(one: str, many: str, num: int) -> str:
    """The same for texts that depend on a number, `%(num)s`."""
    return str(flask_babel.ngettext(one, many, num))
