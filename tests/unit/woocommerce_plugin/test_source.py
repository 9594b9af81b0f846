"""Owns the directory's rules that can be read off the sources: escaping, nonces, prefixes, what is asked for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from .conftest import HERE, PLUGIN, Run

FILES = sorted(PLUGIN.rglob("*.php"))
NAMES = [path.relative_to(PLUGIN).as_posix() for path in FILES]

# What may stand around a variable that is printed. The last three print what WordPress has made of constants.
ESCAPES = {"esc_html", "esc_attr", "esc_url", "esc_html__", "absint", "checked", "selected"}

Token = tuple[str, str, int]


@pytest.fixture(scope="module")
def tokens(php: Run) -> dict[str, list[Token]]:
    """Every file's tokens, without white space."""
    assert php("show( PHP_VERSION_ID >= 70400 );")
    told = subprocess.run(
        [shutil.which("php") or "php", str(HERE / "tokens.php")],
        input="\n".join(map(str, FILES)),
        capture_output=True,
        text=True,
        check=True,
    )
    lists = [json.loads(line) for line in told.stdout.splitlines()]
    return {
        name: [(kind, text, line) for kind, text, line in each if kind != "T_WHITESPACE"]
        for name, each in zip(NAMES, lists, strict=True)
    }


def statements_that_print(tokens: list[Token]) -> Iterator[list[Token]]:
    """The tokens of each echo and printf, but those whose line above says why it need not escape."""
    excused = {line + 1 for kind, text, line in tokens if kind == "T_COMMENT" and "EscapeOutput" in text}
    for place, (kind, text, line) in enumerate(tokens):
        if (kind == "T_ECHO" or text in {"printf", "vprintf", "print"}) and line not in excused:
            end = next(n for n in range(place, len(tokens)) if tokens[n][0] == ";")
            yield tokens[place + 1 : end]


def unescaped(statement: list[Token]) -> list[Token]:
    """The variables of a statement that stand in no escaping call."""
    calls: list[str] = []
    bare: list[Token] = []
    previous = ""
    for kind, text, line in statement:
        if kind == "(":
            calls.append(previous)
        elif kind == ")":
            calls.pop()
        elif kind == "T_VARIABLE" and not ESCAPES & set(calls):
            bare.append((kind, text, line))
        previous = text
    return bare


def test_everything_printed_is_escaped_where_it_is_printed(tokens: dict[str, list[Token]]) -> None:
    printing = [(name, one) for name, each in tokens.items() for one in statements_that_print(each)]
    assert len(printing) > 15
    assert [(name, bare) for name, one in printing if (bare := unescaped(one))] == []


def test_the_check_for_escaping_finds_what_is_not_escaped() -> None:
    bad: list[Token] = [("T_VARIABLE", "$x", 1)]
    called: list[Token] = [("T_STRING", "trim", 1), ("(", "(", 1), ("T_VARIABLE", "$x", 1), (")", ")", 1)]
    good: list[Token] = [("T_STRING", "esc_html", 1), ("(", "(", 1), ("T_VARIABLE", "$x", 1), (")", ")", 1)]
    assert unescaped(bad)
    assert unescaped(called)
    assert not unescaped(good)


def test_every_file_refuses_to_be_called_by_itself() -> None:
    guards = ("defined( 'ABSPATH' ) || exit;", "defined( 'WP_UNINSTALL_PLUGIN' ) || exit;")
    assert [path.name for path in FILES if not any(guard in path.read_text() for guard in guards)] == []


def methods(source: str) -> list[str]:
    return re.split(r"\n\t(?:public|private|protected) ", source)


def test_what_a_browser_sends_is_unslashed_cleaned_and_proven() -> None:
    """A nonce, or a reason why a link needs none, in every method that reads the request."""
    reading = [
        one
        for path in FILES
        for one in methods(path.read_text())
        if re.search(r"\$_(?:GET|POST|REQUEST|COOKIE)\b", one)
    ]
    assert len(reading) >= 4
    for one in reading:
        assert "check_ajax_referer(" in one or "NonceVerification" in one, one[:80]
    assert all("sanitize_" in one or "empty( $_POST" in one for one in reading)


def test_every_form_of_ours_is_checked_for_its_nonce_and_for_who_sends_it() -> None:
    page = (PLUGIN / "includes" / "class-settings-page.php").read_text()
    handlers = re.findall(r"'admin_post_' \. self::\w+, array\( \$this, '(\w+)' \)", page)
    assert handlers == ["open_app", "disconnect"]
    for handler in handlers:
        [method] = [one for one in methods(page) if one.startswith(f"function {handler}(")]
        assert method.split("{", 1)[1].strip().startswith("self::check( ")
    [check] = [one for one in methods(page) if one.startswith("static function check(")]
    assert "check_admin_referer(" in check
    assert "current_user_can(" in check


def test_all_routes_ask_who_may_manage_the_shop() -> None:
    rest = (PLUGIN / "includes" / "class-rest-controller.php").read_text()
    assert rest.count("'permission_callback' => $may") + rest.count("'permission_callback' => $may,") >= 3
    assert "__return_true" not in rest
    assert "current_user_can( 'manage_woocommerce' )" in rest


def test_what_is_global_bears_our_name() -> None:
    for path in FILES:
        source = path.read_text()
        assert (
            path.name == "uninstall.php"
            or path.name.endswith(".asset.php")
            or "namespace Regulars;" in source
        )
        assert all(name.startswith("REGULARS_") for name in re.findall(r"define\( '(\w+)'", source))
        assert all(
            name.startswith("regulars_")
            for name in re.findall(r"const (?:OPTION|SEND|CLEAN|AJAX) += '(\w+)'", source)
        )


def test_no_address_but_those_of_licences_and_of_the_shop_is_in_the_code() -> None:
    """Nothing is asked for anywhere before the merchant connects."""
    known = {"https://www.gnu.org", "https://regulars.example", "https://"}
    found = {
        address
        for path in [*FILES, *PLUGIN.rglob("*.js")]
        for address in re.findall(r"https?://[a-z.]*(?<!\.)", path.read_text())
    }
    assert found <= known


def test_nothing_but_text_domain_regulars_is_translated() -> None:
    for path in FILES:
        domains = re.findall(
            r"\b(?:__|esc_html__|esc_attr__)\(\s*'(?:[^'\\]|\\.)*',\s*'([^']*)'", path.read_text()
        )
        assert set(domains) <= {"regulars"}, path.name
