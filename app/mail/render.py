"""Renders a mail: subject, HTML and text from one context. It sends nothing and reads nothing but templates."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import mrml
from liquid import CachingFileSystemLoader, Environment, StrictUndefined
from liquid.exceptions import LiquidError

from app.mail import sandbox
from app.mail.context import MailContext
from app.mail.samples import sample_mail
from app.mail.sandbox import BadTemplateError, BoundedEnvironment, Problem
from app.mail.strings import EMAIL_TEMPLATES, Language, language_for
from app.mail.values import one_line, to_liquid

# The texts a merchant may replace with their own, Liquid included.
OVERRIDABLE: Final = ("subject", "preheader", "heading", "body", "button")
MAIL_NAMES: Final = ("abandoned_cart", "win_back")
# Longer subjects are cut by every reader's list; more than this is a paragraph (characters).
_MAX_SUBJECT_CHARACTERS: Final = 200
# Gmail hides the end of a mail, with its way to unsubscribe, behind a link when the HTML is larger (bytes).
GMAIL_CLIP_BYTES: Final = 102_000


class MailTooLargeError(ValueError):
    """The mail is so large that Gmail would hide its end."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail that can be composed: one line of subject, and the same content twice."""

    subject: str
    html: str
    text: str
    preheader: str


def render(
    name: str, context: MailContext, locale: str, *, overrides: Mapping[str, str] | None = None
) -> Rendered:
    """Render the mail `name` for `context` in the reader's language, else the shop's, else English.

    `overrides` are the merchant's own texts (see OVERRIDABLE); an empty one leaves ours in place.

    Raises:
        BadTemplateError: a merchant's text can't be rendered; `lint` finds these when it is saved.
        MailTooLargeError: the HTML would be clipped.
    """
    if name != context.name:
        raise ValueError(f"the mail {name!r} can't be rendered from the context of {context.name!r}")
    language = language_for(locale, context.shop.locale)
    values = to_liquid(context, language.locale)
    values["t"] = _texts(name, language, values, overrides or {})
    values["lang"] = "sr-Latn" if language.code == "sr" else language.code
    return fill(name, values)


def fill(name: str, values: dict[str, Any]) -> Rendered:
    """Fill the three templates of the mail `name`; `values["t"]["preheader"]` is what stands beside the subject.

    Raises:
        BadTemplateError: the subject comes out empty.
        MailTooLargeError: the HTML would be clipped.
    """
    subject = one_line(_template(f"{name}/subject.liquid", values))[:_MAX_SUBJECT_CHARACTERS].rstrip()
    if not subject:
        raise BadTemplateError("the subject is empty; write one, or leave the field blank to take ours")
    values["subject"] = subject
    html = _to_html(_template(f"{name}/body.mjml", values))
    text = _template(f"{name}/body.txt.liquid", values).strip() + "\n"
    return Rendered(subject, html, text, values["t"]["preheader"])


def lint(text: str, name: str | None = None) -> list[Problem]:
    """Return the problems of a merchant's text for the mail `name`, or for a mail that has everything.

    An empty list means that the text renders with a sample mail.
    """
    known: dict[str, Any] = {}
    for mail_name in (name,) if name else MAIL_NAMES:
        known |= to_liquid(sample_mail(mail_name), "en")
    return sandbox.lint(text, known)


def _texts(
    name: str, language: Language, values: Mapping[str, Any], overrides: Mapping[str, str]
) -> dict[str, Any]:
    unknown = set(overrides) - set(OVERRIDABLE)
    if unknown:
        raise ValueError(f"{sorted(unknown)} can't be replaced in a mail; {', '.join(OVERRIDABLE)} can")
    texts: dict[str, Any] = {}
    for table in ("common", name):
        for key in language.tables[table]:
            source = overrides.get(key, "").strip() or language.text(table, key, values)
            texts[key] = sandbox.render_text(source, values)
    for key in ("preheader", "heading", "button"):
        texts[key] = one_line(texts[key])
    texts["paragraphs"] = _paragraphs(texts.pop("body"))
    texts["reason"] = values["reason_text"] or texts["reason"]
    return texts


def _paragraphs(text: str) -> list[str]:
    """Split at blank lines; a single line break is folded, as in every text field of a form."""
    blocks = text.replace("\r\n", "\n").split("\n\n")
    return [block for block in (one_line(block) for block in blocks) if block]


def _template(path: str, values: Mapping[str, Any]) -> str:
    is_html = path.endswith(".mjml")
    try:
        return _environment(is_html).get_template(path).render(values)
    except LiquidError as error:
        raise BadTemplateError(f"{path}: {error.args[0] if error.args else error}") from None


@functools.cache
def _environment(is_html: bool) -> Environment:
    loader = CachingFileSystemLoader(EMAIL_TEMPLATES, auto_reload=False)
    environment = BoundedEnvironment(autoescape=is_html, loader=loader, undefined=StrictUndefined)
    sandbox.add_our_filters(environment)
    return environment


def _to_html(mjml: str) -> str:
    output = mrml.to_html(
        mjml,
        # No include is ever loaded, and no font is ever fetched: MJML adds Google's by itself for some names.
        parser_options=mrml.ParserOptions(include_loader=mrml.noop_loader()),
        render_options=mrml.RenderOptions(disable_comments=True, fonts={}),
    )
    html: str = output.content
    if "fonts.googleapis" in html.partition("</head>")[0]:
        raise BadTemplateError("a font stack makes the mail fetch from Google; take that font's name out")
    size = len(html.encode())
    if size > GMAIL_CLIP_BYTES:
        raise MailTooLargeError(f"the HTML has {size} bytes; Gmail clips above {GMAIL_CLIP_BYTES}")
    return html
