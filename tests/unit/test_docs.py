"""Holds the README and the changelog to the code: what they name exists, and what exists is named."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from app.cli import main as cli
from app.domain.policy import CartFlowPolicy, MailPolicy, WinBackPolicy
from app.domain.reasons import Reason, describe
from app.services import privacy
from app.settings import DEFAULT_SCOPES, Settings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")

# Read by the command line or the demo alone, so not among Settings.
OTHER_VARIABLES = {"PORT", "ARGS", "PYTHON", "VENV", "LIGHTFM_NO_CFLAGS"}

# Where a folder of somebody's machine, or a package index, would show that a file was written there.
TRACES = re.compile(
    r"(?<![\w.~/{}-])/(?:home|Users|root|work|mnt)/\w|[A-Z]:\\Users\\|--(?:extra-)?index-url|--find-links"
    r"|file:///|https?://[^\s\"'>]*(?:/simple\b|pypi|artifactory|nexus)|https?://(?:10|172|192\.168)\.\d+\.\d+"
)
BUNDLED = re.compile(r"\.min\.js$|\.woff2$|\.png$|\.gz$|package-lock\.json$|schema\.graphql$")


def section(title: str) -> str:
    """The README's text under a heading, up to the next one of the same depth."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found is not None, f"the README has no section {title}"
    return found.group(1)


def rows(text: str, header: str) -> list[list[str]]:
    """The cells of the table whose header line begins with `header`."""
    lines = text[text.index(f"| {header}") :].splitlines()[2:]
    table = lines[: next((n for n, line in enumerate(lines) if not line.startswith("|")), len(lines))]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table]


def code(cell: str) -> str:
    found = re.match(r"`([^`]+)`", cell)
    assert found is not None, f"{cell!r} names nothing"
    return found.group(1)


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))


def anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def tracked() -> list[Path]:
    """The files that are committed or about to be; every file of ours where there is no git."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        return [path for path in ROOT.rglob("*") if not any(part.startswith(".") for part in path.parts)]
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_every_setting_stands_in_the_table_once_and_nothing_else_does() -> None:
    named = [code(row[0]) for row in rows(section("Settings"), "name")]
    assert sorted(named) == sorted(name.upper() for name in Settings.model_fields)


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_the_table_tells_the_settings_real_default(name: str) -> None:
    told = next(row[2] for row in rows(section("Settings"), "name") if code(row[0]) == name.upper())
    field = Settings.model_fields[name]
    if field.is_required():
        assert told == "required"
    elif field.default is None:
        assert told.startswith("unset")
    else:
        default = field.default
        value = default.get_secret_value() if hasattr(default, "get_secret_value") else default
        text = ",".join(value) if isinstance(value, tuple) else str(value)
        assert told == (f"`{text}`" if text else "empty")


def test_every_variable_in_an_example_is_one_that_is_read() -> None:
    blocks = "\n".join(re.findall(r"^```\w*\n(.*?)^```", README, re.MULTILINE | re.DOTALL))
    named = set(re.findall(r"\b([A-Z][A-Z_]{3,})=", blocks))
    assert named - OTHER_VARIABLES - {field.upper() for field in Settings.model_fields} == set()


def test_every_command_stands_in_the_table_once_and_nothing_else_does() -> None:
    named = [code(row[0]).split()[1] for row in rows(section("Running it"), "command")]
    assert sorted(named) == cli.list_commands(None)  # type: ignore[arg-type]


def test_every_command_that_any_page_names_exists() -> None:
    pages = README + CHANGELOG + (ROOT / "Procfile").read_text("utf-8")
    named = set(re.findall(r"(?:^|[`/ ])regulars ([a-z][a-z-]+)\b(?= |`|$|\n)", pages, re.MULTILINE))
    assert named - set(cli.list_commands(None)) - {"release"} == set()  # type: ignore[arg-type]


def test_every_option_of_the_demo_is_explained() -> None:
    demo = cli.get_command(None, "demo")  # type: ignore[arg-type]
    assert demo is not None
    options = {option for parameter in demo.params for option in parameter.opts} - {"--seed"}
    assert {option for option in options if option not in section("Try it in a minute")} == set()


def test_every_make_target_is_explained_and_every_named_one_exists() -> None:
    named = set(re.findall(r"(?:^|`)make (?:[A-Z]+=\S+ )*([a-z]+)\b", README, re.MULTILINE))
    assert named == targets()


def test_every_make_target_has_a_line_of_help_and_is_no_file() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony is not None
    assert set(phony.group(1).split()) == targets()
    assert set(re.findall(r"^([a-z]+):.*##", MAKEFILE, re.MULTILINE)) == targets()


def test_every_reason_stands_in_the_table_in_the_ledgers_own_words() -> None:
    told = {code(row[0]): row[1] for row in rows(section("How it decides"), "reason in the ledger")}
    assert told == {reason.value: describe(reason.value) for reason in Reason}


def test_the_defaults_told_are_those_of_the_policy() -> None:
    cart, mail, lapse = CartFlowPolicy(), MailPolicy(), WinBackPolicy()
    told = " ".join(section("How it decides").split())
    for words in (
        f"cold after {cart.wait_minutes} minutes and given up after {cart.give_up_after_hours} hours",
        f"never before {lapse.min_days} days, and after {lapse.default_days} with too few orders",
        f"at most {lapse.max_per_day} win-back mails a day",
        f"at most {mail.max_per_day} mail a day and {mail.max_per_week} a week",
        f"quiet from {mail.quiet_from.hour}:00 to {mail.quiet_until.hour}:00",
        f"{mail.holdout_share:.0%} of people".replace("%", " %"),
    ):
        assert words in told
    assert lapse.factor == 2.0  # "twice their own rhythm"


def test_the_times_of_keeping_are_those_of_the_retention_job() -> None:
    kept = {row[0].split()[0]: row[1] for row in rows(section("Privacy"), "what is stored")}
    assert f"{privacy.CART_DAYS} days" in kept["Carts"]
    assert f"{privacy.RECIPIENT_DAYS} days" in kept["The"]
    assert f"{privacy.INBOX_DAYS} days once processed, {privacy.DEAD_INBOX_DAYS} if" in kept["Webhooks"]
    assert kept["What"] == f"{privacy.VISIT_DAYS} days"


def test_every_scope_is_named_and_the_apps_file_asks_for_the_same() -> None:
    with (ROOT / "shopify.app.toml").open("rb") as file:
        asked = tomllib.load(file)["access_scopes"]
    assert asked["scopes"] == DEFAULT_SCOPES
    for scope in (*DEFAULT_SCOPES.split(","), *asked["optional_scopes"]):
        assert f"`{scope}`" in section("Install on Shopify")


def test_the_extensions_are_where_shopifys_command_line_is_told_to_look() -> None:
    with (ROOT / "shopify.app.toml").open("rb") as file:
        patterns = tomllib.load(file).get("extension_directories", ["extensions/*"])
    found = {
        path
        for pattern in patterns
        for path in ROOT.glob(pattern)
        if (path / "shopify.extension.toml").exists()
    }
    assert {path.name for path in found} == {"regulars-theme", "regulars-pixel"}


def test_every_picture_exists_and_every_picture_taken_is_shown() -> None:
    shown = set(re.findall(r"(?:src|srcset)=\"([^\"]+\.png)\"|!\[[^\]]+\]\(([^)]+\.png)\)", README))
    paths = {ROOT / (one or other) for one, other in shown}
    assert {path for path in paths if not path.is_file()} == set()
    assert set((ROOT / "docs" / "pictures").glob("*.png")) == paths


def test_every_picture_says_in_words_what_it_shows() -> None:
    assert re.findall(r"<img(?![^>]*\balt=\"[^\"]{10,}\")[^>]*>", README) == []
    assert re.findall(r"!\[[^\]]{0,9}\]", README) == []


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md", "storefront/widget/README.md"])
def test_every_link_leads_somewhere(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    anchors = {anchor(heading) for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        elif "://" not in target:
            assert ((ROOT / page).parent / target.partition("#")[0]).exists(), target


def test_every_folder_and_file_the_readme_names_exists() -> None:
    named = set(
        re.findall(r"`((?:app|workers|tests|tools|static|storefront|benchmarks|docs)(?:/[\w./-]+)?)`", README)
    )
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_every_measured_number_stands_beside_the_command_that_prints_it_again() -> None:
    table = re.search(r"<!-- measured: begin -->\n(.*?)<!-- measured: end -->", README, re.DOTALL)
    assert table is not None
    commands = [row[-1] for row in rows(table.group(1), "what")]
    assert commands
    for command in commands:
        assert re.match(r"`(?:make (?:demo|bench|test)|regulars (?:evaluate|recommend))\b", command), command


def test_the_newest_change_is_that_of_the_version() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]
    newest = re.search(r"^## (\S+)", CHANGELOG, re.MULTILINE)
    assert newest is not None
    assert newest.group(1) == version


def test_the_licence_is_whole_and_names_its_holder() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert re.search(r"Copyright \d{4} The Regulars authors", text)


def test_no_file_holds_a_path_or_a_host_of_somebodys_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match.group(0)}"
        for path in tracked()
        if not BUNDLED.search(path.name) and path != Path(__file__).resolve()
        for number, line in enumerate(path.read_text("utf-8", errors="ignore").splitlines(), 1)
        if (match := TRACES.search(line))
    ]
    # What makes the lock files has to say that it names no index.
    assert [line for line in found if not line.startswith("tools/lock.py")] == []
