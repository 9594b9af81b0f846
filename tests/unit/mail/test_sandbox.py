"""Merchants' Liquid: what it may do, what it may cost, and what they are told."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.mail.render import lint
from app.mail.samples import sample_mail
from app.mail.sandbox import BadTemplateError, Problem, render_text
from app.mail.values import to_liquid

VALUES = to_liquid(sample_mail("abandoned_cart"), "en")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ person.first_name }}", "Cleo"),
        ("{{ person.nickname }}", ""),
        ("{{ total }} = {{ total | money }}", "€73.90 = €73.90"),
        ("{{ lines.first.line_total | money }}", "€29.00"),
        (
            "{% for line in lines %}{{ line.title }};{% endfor %}",
            "Stoneware mug;Loose-leaf Earl Grey;Beeswax candle;",
        ),
        ("{{ shop.name | upcase }}", "LARKSPUR & CO"),
        ("{% if n_lines > 2 %}many{% else %}few{% endif %}", "many"),
        ("{{ lines | size | plus: 1 }}", "4"),
        ("{{ '<b>' }}", "<b>"),
    ],
)
def test_it_does_what_a_mail_needs(source: str, text: str) -> None:
    assert render_text(source, VALUES) == text


def test_a_full_cart_and_a_long_text_are_no_bomb() -> None:
    values = {"lines": [{"title": "A candle of beeswax, by hand " * 3}] * 100}
    source = "{% for line in lines %}{{ line.title | upcase | truncate: 60 | append: '!' }}{% endfor %}"
    assert render_text(source * 5, values).count("!") == 500
    assert render_text("{% for i in (1..1000) %}{% if i > 999 %}x{% endif %}{% endfor %}", values) == "x"


def test_dates_come_in_four_styles() -> None:
    values = to_liquid(sample_mail("win_back"), "en")
    assert render_text("{{ last_order_at | date: 'short' }} {{ last_order_at | date }}", values) == (
        "3/5/26 March 5, 2026"
    )
    with pytest.raises(BadTemplateError, match="the style is one of"):
        render_text("{{ last_order_at | date: '%c' }}", values)


@pytest.mark.parametrize(
    "source",
    [
        "{{ person.first_name | safe }}",
        "{{ 'x' | base64_encode }}",
        "{{ 'x' | url_encode }}",
        "{% include 'parts/head.mjml' %}",
        "{% render 'strings/en.toml' %}",
        "{% tablerow i in (1..3) %}{% endtablerow %}",
        "{{ 1 | divided_by: 0 }}",
        "{{ 'x' | money }}",
        "{{ 5 | date }}",
        "x" * 5001,
    ],
)
def test_it_may_not_do_more(source: str) -> None:
    with pytest.raises(BadTemplateError):
        render_text(source, VALUES)


@pytest.mark.parametrize(
    "source", ["{{ total.__class__ }}", "{{ total._text }}", "{{ shop.__dict__ }}", "{{ total.amount }}"]
)
def test_it_sees_no_python_behind_a_value(source: str) -> None:
    assert render_text(source, VALUES) == ""


BOMBS = {
    "nested loops": "{% for a in (1..9999) %}{% for b in (1..9999) %}x{% endfor %}{% endfor %}",
    "one long loop": "{% for a in (1..1000000000) %}x{% endfor %}",
    "a growing text": "{% assign x = 'aaaa' %}{% for a in (1..40) %}{% assign x = x | append: x %}{% endfor %}{{ x }}",
    "a multiplying replace": "{% assign x = 'a' %}{% for a in (1..12) %}{% assign x = x | append: x %}{% endfor %}"
    "{{ x | replace: 'a', x | replace: 'a', x }}",
    "a multiplying join": "{% assign x = 'a' %}{% for a in (1..12) %}{% assign x = x | append: x %}{% endfor %}"
    "{% assign y = x | split: '' | join: x | split: '' | join: x %}{{ y }}",
    "a joined range": "{% assign x = (1..1000000000) %}{{ x | join: ',' }}",
    "a reversed range": "{{ (1..1000000000) | reverse | first }}",
    "a long range backwards": "{% for i in (1..999999999999) reversed %}{% break %}{% endfor %}",
    "a searched range": "{% if (1..99999999999) contains 'x' %}y{% endif %}",
    "a range beyond 64 bits": "{% assign x = (1..99999999999999999999999) %}{{ x.size }}",
    "ranges searched all the time": "{% for i in (1..900) %}"
    + "{% if (1..999) contains 'x' %}{% endif %}" * 100
    + "{% endfor %}",
    "loops beside each other": "{% for a in (1..99) %}{% for b in (1..99) %}{{ b }}{% endfor %}{% endfor %}"
    * 60,
    "a list made anew all the time": "{% for i in (1..999) %}{% assign z = '"
    + "a," * 1000
    + "' | split: ',' | sort | uniq | join: '' %}{% endfor %}",
    "each compared with each": "{% assign z = '0123456789' %}{% for i in (1..8) %}{% assign z = z | append: z %}"
    "{% endfor %}{% assign z = z | split: '' %}{% for i in (1..999) %}{% assign y = z | uniq %}{% endfor %}",
    "a multiplying replace, often": "{% for i in (1..999) %}{% assign z = '"
    + "a" * 70
    + "' | replace: 'a', '"
    + "b" * 70
    + "' %}{% endfor %}",
    "many variables": "{% for i in (1..999) %}"
    + "".join(f"{{% assign a{number} = 1 %}}" for number in range(230))
    + "{% endfor %}",
    "many captures": "{% for i in (1..999) %}{% assign x = '"
    + "x" * 2000
    + "' %}"
    + "{% capture a %}{{x}}{{x}}{{x}}{% endcapture %}" * 40
    + "{% endfor %}",
    "many conditions": "{% for i in (1..9999) %}"
    + "{% if i == 1 or i == 2 %}{% endif %}" * 100
    + "{% endfor %}",
    "a growing list": "{% assign x = ',,,,' | split: ',' %}{% for a in (1..40) %}{% assign x = x | concat: x %}"
    "{% endfor %}{{ x | size }}",
    "a growing number": "{% assign x = 9 %}{% for a in (1..60) %}{% assign x = x | times: x %}{% endfor %}{{ x }}",
    "an endless division": "{{ 1 | divided_by: 0.0 }}",
    "deep nesting": "{% if true %}" * 300 + "{% endif %}" * 300,
    "captures": "{% for a in (1..9999) %}{% capture x %}{{ x }}{{ x }}aaaa{% endcapture %}{% endfor %}",
}


@pytest.mark.parametrize("source", BOMBS.values(), ids=BOMBS)
def test_it_can_not_use_up_the_machine(source: str) -> None:
    started = time.process_time()
    with pytest.raises(BadTemplateError):
        render_text(source, VALUES)
    assert time.process_time() - started < 2.0


FRAGMENTS = (
    "{{ §}} §{% § %}§if §endif§for x in lines§endfor§assign x = §person.first_name§x§ | §money§date: §append: x§"
    "times: 9§split: ''§'§\"§(1..9)§capture x§\n§é"
)


@given(st.lists(st.sampled_from(FRAGMENTS.split("§")), max_size=14).map("".join))
@settings(max_examples=400, deadline=None)
def test_any_text_renders_or_is_refused_with_its_line(source: str) -> None:
    lines = range(1, source.count("\n") + 2)
    problems = lint(source, "abandoned_cart")
    assert all(problem.line in lines and problem.message for problem in problems)
    if problems:
        with contextlib.suppress(BadTemplateError):  # an unknown name alone renders as nothing
            render_text(source, VALUES)
    else:
        assert isinstance(render_text(source, VALUES), str)


class TestLint:
    @pytest.mark.parametrize(
        ("text", "problems"),
        [
            ("Hello {{ person.first_name | default: 'there' }}, {{ total | money }}", []),
            ("Plain text & <b>signs</b>, 100 %", []),
            ("one\n\n{% if %}{% endif %}", [Problem(3, "missing expression")]),
            ("{{ 'a' | money }}", [Problem(1, "money: this is not an amount of money")]),
        ],
    )
    def test_names_the_line(self, text: str, problems: list[Problem]) -> None:
        assert lint(text, "abandoned_cart") == problems

    def test_finds_filters_that_there_are_not(self) -> None:
        [problem] = lint("one\n{{ shop.name | safe }}", "abandoned_cart")
        assert problem.line == 2
        assert problem.message.startswith("there is no filter safe; these are: abs, append,")

    @pytest.mark.parametrize(
        "text",
        [
            "{{ cart.total }}",
            "{{ person.last_name }}",
            "{{ lines.first.titel }}",
            "{{ lines.foo }}",
            "{{ total.amount }}",
        ],
    )
    def test_finds_names_that_no_mail_has(self, text: str) -> None:
        [problem] = lint("first line\n" + text, "abandoned_cart")
        assert problem.line == 2
        assert text.strip("{} ") in problem.message
        assert "it knows" in problem.message

    def test_knows_which_mail_has_what(self) -> None:
        assert lint("{{ last_order_at | date }}", "win_back") == []
        assert len(lint("{{ last_order_at | date }}", "abandoned_cart")) == 1
        assert lint("{{ last_order_at | date }} {{ total | money }}") == []

    def test_knows_names_that_the_text_makes_itself(self) -> None:
        text = "{% assign n = lines.size %}{{ n }}{% for line in lines %}{{ line.title }}{{ forloop.last }}{% endfor %}"
        assert lint(text, "abandoned_cart") == []

    @pytest.mark.parametrize("source", BOMBS.values(), ids=BOMBS)
    def test_finds_what_would_cost_too_much(self, source: str) -> None:
        assert len(lint(source, "abandoned_cart")) == 1
