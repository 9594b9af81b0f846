"""Order files of three kinds come in; what can't is named by line and reason."""

from __future__ import annotations

import gzip
import io
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from app.cli_evaluate import evaluate, recommend
from app.services.evaluating import evaluate_file, file_notes, method_rows, recommend_file, to_history
from app.services.orderfile import (
    GUEST,
    MAX_LISTED_REJECTS,
    UNKNOWN_PRICE,
    Kind,
    OrderFileError,
    Reject,
    read_orders,
    read_time,
)
from tests.unit.recommender.shops import planted

HEADER = "order_id,customer_id,ordered_at,product_id,title,category,quantity,unit_price,currency\n"
SHARED = sorted((Path(__file__).resolve().parents[2].parent / "shared" / "data").glob("*small.csv.gz"))


def written(folder: Path, text: str, name: str = "orders.csv") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_the_plain_form_comes_in_as_columns(tmp_path: Path) -> None:
    text = HEADER + (
        '1001,cleo,2026-11-20T10:00:00Z,m1,"Mug, 8 cm",Mugs,2,6.50,GBP\n'
        "1001,cleo,2026-11-20T10:00:00Z,p1,Plate,,1,,GBP\n"
        "1002,,2026-11-21T12:30:00+01:00,m1,Mug,,1.5,7,GBP\n"
    )
    found = read_orders(written(tmp_path, text))
    assert (found.kind, found.currency, found.rejects) == (Kind.PLAIN, "GBP", [])
    assert (found.order_ids, found.customer_ids, found.product_ids) == (
        ["1001", "1002"],
        ["cleo"],
        ["m1", "p1"],
    )
    assert (found.titles, found.categories) == (["Mug, 8 cm", "Plate"], ["Mugs", ""])
    rows = found.rows
    assert (rows.order.tolist(), rows.customer.tolist(), rows.product.tolist()) == (
        [0, 0, 1],
        [0, 0, GUEST],
        [0, 1, 0],
    )
    assert rows.quantity.tolist() == [2.0, 1.0, 1.5]
    assert rows.price_minor.tolist() == [650, UNKNOWN_PRICE, 700]
    assert rows.ordered_at.tolist() == [read_time("2026-11-20T10:00:00Z")] * 2 + [
        read_time("2026-11-21T11:30:00Z")
    ]


def test_bad_lines_are_named_and_good_ones_come_in(tmp_path: Path) -> None:
    text = HEADER + (
        "1,,2026-11-20,m1,Mug,,1,5,EUR\n"
        "2,,yesterday,m1,Mug,,1,5,EUR\n"
        "\n"
        '3,,2026-11-20,m1,"Mug\nof two lines",,1,5,EUR\n'
        "4,,2026-11-20,m1,Mug,,-2,5,EUR\n"
        "5,,2026-11-20,m1,Mug,,many,5,EUR\n"
        ",,2026-11-20,m1,Mug,,1,5,EUR\n"
        "6,,2026-11-20,,Mug,,1,5,EUR\n"
        "7,,0026-11-20,m1,Mug,,1,5,EUR\n"
        "8\n"
        "9,,,m1,Mug,,1,NaN,EUR\n"
        "9,,,m1,Mug,,1,-3.50,EUR\n"
        "9,,,m1,Mug,,1,-3.50,EUR\n"
    )
    found = read_orders(written(tmp_path, text))
    assert found.order_ids == ["1", "3", "9"]
    assert found.rejects == [
        Reject(3, "the date 'yesterday' is not ISO 8601, as in 2026-11-21T09:30:00Z"),
        Reject(7, "the quantity -2 is not between 0 and 1,000,000: no purchase"),
        Reject(8, "the quantity 'many' is not a number"),
        Reject(9, "no order number"),
        Reject(10, "no product"),
        Reject(11, "the year of '0026-11-20' is not between 1970 and 2200"),
        Reject(12, "no product"),
    ]
    assert [remark.line for remark in found.remarks] == [13, 14, 15]
    assert found.remarks[2] == Reject(15, "taken without its price: the amount '-3.50' is below zero")
    assert "line 14: taken without its price" in " ".join(file_notes(found))
    assert found.remarks[0].reason.startswith("taken without its price: ")
    assert math.isnan(found.rows.ordered_at[2])
    assert found.rows.price_minor.tolist() == [500, 500, *[UNKNOWN_PRICE] * 3]


def test_shopifys_export_carries_the_first_line_of_an_order_on(tmp_path: Path) -> None:
    text = (
        "Name,Email,Financial Status,Paid at,Currency,Created at,Lineitem quantity,Lineitem name,Lineitem price,"
        "Lineitem sku,Cancelled at,Vendor,Id\n"
        "#1001,Cleo@Example.com,paid,2026-11-20 10:05:00 +0100,KWD,2026-11-20 10:00:00 +0100,"
        "1,Mug - Red,1.250,MUG-R,,Oak,1\n"
        "#1001,Cleo@Example.com,,,,,2,Plate,2.000,,,Oak,\n"
        "#1002,dan@example.com,refunded,,KWD,2026-11-20 11:00:00 +0100,"
        "1,Mug - Red,1.250,MUG-R,2026-11-20 12:00:00 +0100,Oak,2\n"
        "#1002,dan@example.com,,,,,1,Plate,2.000,,,Oak,\n"
    )
    found = read_orders(written(tmp_path, text))
    assert (found.kind, found.currency, found.n_cancelled) == (Kind.SHOPIFY, "KWD", 2)
    assert (found.order_ids, found.customer_ids) == (["#1001"], ["cleo@example.com"])
    assert found.platform_order_ids == ["1"]
    assert (found.product_ids, found.titles) == (["MUG-R", "Plate"], ["Mug - Red", "Plate"])
    assert found.vendors == ["Oak", "Oak"]
    assert found.rows.price_minor.tolist() == [1250, 2000]
    assert found.rows.ordered_at.tolist() == [read_time("2026-11-20T09:00:00Z")] * 2


@pytest.mark.parametrize(
    "text",
    [
        "Order Number,Order Status,Order Date,Email (Billing),SKU,Item Name,Quantity (- Refund),Item Cost\n"
        "77,Completed,2026-11-20 10:00,cleo@example.com,MUG,Mug,2,6.50\n"
        "78,Cancelled,2026-11-20 10:00,dan@example.com,MUG,Mug,2,6.50\n",
        "order_id;order_number;date;status;customer_id;billing_email;item_product_id;item_name;item_quantity;item_price\n"
        "5;77;2026-11-20 10:00:00;wc-completed;12;cleo@example.com;MUG;Mug;2;6.50\n"
        "6;78;2026-11-20 10:00:00;wc-failed;0;dan@example.com;MUG;Mug;2;6.50\n",
    ],
)
def test_woocommerces_exports_are_recognised(tmp_path: Path, text: str) -> None:
    found = read_orders(written(tmp_path, text))
    assert (found.kind, found.n_cancelled, found.order_ids) == (Kind.WOOCOMMERCE, 1, ["77"])
    assert len(found.customer_ids) == 1
    assert (found.product_ids, found.titles) == (["MUG"], ["Mug"])
    assert found.rows.quantity.tolist() == [2.0]
    assert found.rows.price_minor.tolist() == [650]


def test_gzip_and_a_byte_order_mark_are_seen_by_their_bytes(tmp_path: Path) -> None:
    path = tmp_path / "orders.whatever"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + (HEADER + "1,,2026-11-20,m1,Mug,,1,5,EUR\n").encode()))
    assert read_orders(path).order_ids == ["1"]


def test_files_that_are_none_say_so(tmp_path: Path) -> None:
    with pytest.raises(OrderFileError, match=r"^The header \(a, b\) is none we know"):
        read_orders(written(tmp_path, "a,b\n1,2\n"))
    with pytest.raises(OrderFileError, match=r"^The file is empty"):
        read_orders(written(tmp_path, ""))
    with pytest.raises(OrderFileError, match=r"^gone\.csv can't be read"):
        read_orders(tmp_path / "gone.csv")
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(gzip.compress((HEADER + "1,,2026-11-20,m1,Mug,,1,5,EUR\n" * 99).encode())[:-12])
    with pytest.raises(OrderFileError, match=r"^cut\.csv\.gz can't be read"):
        read_orders(cut)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_binary_file_is_told_what_is_wanted_instead(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "some.png"
    path.write_bytes(pack(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\2X"))
    answer = CliRunner().invoke(evaluate, [str(path)])
    assert answer.exit_code == 1
    assert answer.output.startswith("Error: some.png is no order history (it is not a text file): give a CSV")
    assert answer.output.count("\n") == 1


def test_a_damaged_archive_and_a_folder_say_so(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.csv.gz"
    damaged.write_bytes(gzip.compress(HEADER.encode())[:12] + b"\xff" * 40)
    with pytest.raises(OrderFileError, match=r"^damaged\.csv\.gz can't be read"):
        read_orders(damaged)
    with pytest.raises(OrderFileError, match=r"can't be read: Is a directory\.$"):
        read_orders(tmp_path)


def test_lines_in_another_currency_than_most_are_named_and_leave_nothing_behind(tmp_path: Path) -> None:
    text = HEADER + (
        "1,ann,2026-11-20,lamp,Lamp,,1,9,USD\n"
        "2,cleo,2026-11-20,mug,Mug,Mugs,1,5,EUR\n"
        "3,,many,mug,Mug,,x,5,EUR\n"
        "4,,2026-11-20,mug,Mug,,1,,\n"
        "5,dan,2026-11-20,plate,Plate,,2,7,EUR\n"
        "6,dan,2026-11-20,mug,Mug,,2,700,JPY\n"
    )
    found = read_orders(written(tmp_path, text))
    assert found.currency == "EUR"
    assert (found.order_ids, found.customer_ids) == (["2", "4", "5"], ["cleo", "dan"])
    assert (found.product_ids, found.titles, found.categories) == (
        ["mug", "plate"],
        ["Mug", "Plate"],
        ["Mugs", ""],
    )
    rows = found.rows
    assert (rows.order.tolist(), rows.customer.tolist(), rows.product.tolist()) == (
        [0, 1, 2],
        [0, GUEST, 1],
        [0, 0, 1],
    )
    assert rows.price_minor.tolist() == [500, UNKNOWN_PRICE, 700]
    assert [reject.line for reject in found.rejects] == [2, 4, 7]
    assert found.rejects[0].reason == "in USD, but most of the file is in EUR: one file, one currency"
    assert found.n_rejected == 3


def test_of_two_currencies_named_equally_often_the_first_holds(tmp_path: Path) -> None:
    rows = "1,,2026-11-20,mug,Mug,,1,5,\n2,,2026-11-20,mug,Mug,,1,5,GBP\n3,,2026-11-20,mug,Mug,,1,5,EUR\n"
    found = read_orders(written(tmp_path, HEADER + rows))
    assert (found.currency, found.order_ids) == ("GBP", ["1", "2"])


def test_a_wrong_file_does_not_fill_the_memory_with_its_echo(tmp_path: Path) -> None:
    found = read_orders(written(tmp_path, HEADER + "1,,2026-11-20,,,,1,5,EUR\n" * (MAX_LISTED_REJECTS + 5)))
    assert (len(found.rejects), found.n_rejected) == (MAX_LISTED_REJECTS, MAX_LISTED_REJECTS + 5)


def test_an_unclosed_quote_loses_no_more_than_it_swallows(tmp_path: Path) -> None:
    text = HEADER + '1,,2026-11-20,m1,Mug,,1,5,EUR\n2,,2026-11-20,m1,"Mug,,1,5,EUR\n' + "x" * 1_100_000 + "\n"
    found = read_orders(written(tmp_path, text))
    assert found.order_ids == ["1"]
    assert found.rejects[0].line == 3
    assert "field larger than field limit" in found.rejects[0].reason


@pytest.mark.parametrize("fill", ["x" * 9_000_000, '","\n' * 2_000_000], ids=["one line", "a quote a line"])
def test_a_line_without_an_end_is_left_out_and_the_next_one_comes_in(tmp_path: Path, fill: str) -> None:
    path = tmp_path / "orders.csv.gz"
    text = HEADER + '1,"' + fill + "\n2,,2026-11-20,m1,Mug,,1,5,EUR\n"
    path.write_bytes(gzip.compress(text.encode(), 1))
    found = read_orders(path)
    assert found.order_ids == ["2"]
    assert found.rejects[0] == Reject(2, "not readable as CSV: longer than 4,000,000 characters")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1\0,,2026-11-20,m1,Mug,,1,5,EUR", r"the order number '1\x00' has a zero byte within"),
        ("1,c\0,2026-11-20,m1,Mug,,1,5,EUR", r"the customer 'c\x00' has a zero byte within"),
        (
            "9" * 12_000 + ",,2026-11-20,m1,Mug,,1,5,EUR",
            "the order number '999999999999999999999999'… has 12,000 characters, 255 at most",
        ),
        (
            "1,,2026-11-20,m1,Mug,,1000000,92233720368547758.00,EUR",
            "with this line the order's total is too large an amount",
        ),
    ],
    ids=["zero byte in the order", "zero byte in the customer", "long", "large"],
)
def test_what_no_database_can_store_is_named_and_the_next_line_comes_in(
    tmp_path: Path, row: str, reason: str
) -> None:
    found = read_orders(written(tmp_path, HEADER + row + "\n2,,2026-11-20,m1,Mug,,1,5,EUR\n"))
    assert (found.rejects, found.order_ids) == ([Reject(2, reason)], ["2"])


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300))
def test_no_text_crashes_the_reader(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("any") / "orders.csv"
    path.write_bytes((HEADER + text).encode("utf-8", "surrogatepass"))
    found = read_orders(path)
    assert len(found.rows) <= text.count("\n") + text.count("\r") + 1
    assert len(found.titles) == len(found.product_ids)


def history_text(n_pairs: int = 20, n_orders_per_pair: int = 40) -> str:
    """A shop with habits in the plain form."""
    catalogue, history = planted(n_pairs=n_pairs, n_orders_per_pair=n_orders_per_pair)
    out = io.StringIO(HEADER)
    out.seek(0, io.SEEK_END)
    for order, user, item, at in zip(
        history.order.tolist(),
        history.user.tolist(),
        history.item.tolist(),
        history.occurred_at.tolist(),
        strict=True,
    ):
        stamp = np.datetime64(int(at), "s")
        out.write(f"{order},c{user},{stamp}Z,{catalogue.item_ids[item]},Thing {item},,1,1.00,EUR\n")
    return out.getvalue()


def test_a_file_becomes_what_the_recommender_takes(tmp_path: Path) -> None:
    catalogue, history, user_ids = to_history(read_orders(written(tmp_path, history_text(5, 4))))
    assert (catalogue.n_items, history.n_orders) == (len(set(history.item.tolist())), 20)
    assert user_ids[history.user[0]] == "c0"
    history.validate(catalogue)


def test_evaluate_writes_one_object_per_method_and_task(tmp_path: Path) -> None:
    path, out = written(tmp_path, history_text()), tmp_path / "out.json"
    answer = CliRunner().invoke(evaluate, [str(path), "--json", str(out), "--test-share", "0.2"])
    assert answer.exit_code == 0, answer.output
    assert "also bought" in answer.output
    assert "Of 100 questions from your newest orders" in answer.output
    assert max(map(len, answer.output.splitlines())) <= 100
    assert all(whole in answer.output for whole in ("LightFM alone", "recall10", "lists/s"))
    rows = json.loads(out.read_text("utf-8"))
    named = {(row["method"], row["task"]) for row in rows}
    assert {("regulars", task) for task in ("also-bought", "for-you", "discover")} <= named
    assert {
        (m, "also-bought") for m in ("popularity", "co-purchase", "cosine kNN", "LightFM alone", "EASE")
    } <= named
    keys = "method task hr4 hr10 ndcg10 mrr10 coverage10 cold_hr10 tail_hr10 recall10 ci train_seconds rank_seconds"
    for row in rows:
        assert {*keys.split(), "peak_mb", "n_queries"} <= set(row)
        assert 0 <= row["hr4"] <= row["hr10"] <= 1
        assert row["ci"]["hr10"][0] <= row["hr10"] <= row["ci"]["hr10"][1]


def test_one_task_can_be_asked_alone(tmp_path: Path) -> None:
    evaluation = evaluate_file(written(tmp_path, history_text(10, 30)), task="for-you")
    assert {row["task"] for row in method_rows(evaluation)} == {"for-you", "discover"}
    assert "of 100 returning customers" in evaluation.card.headline
    assert "were not asked about" in evaluation.report.reason


@pytest.mark.parametrize("rows", ["", "1,,2026-11-20,m1,,,1,,EUR\n", "1,,,m1,,,1,,\n2,,,p1,,,1,,\n"])
def test_a_file_of_almost_nothing_is_judged_honestly(tmp_path: Path, rows: str) -> None:
    answer = CliRunner().invoke(evaluate, [str(written(tmp_path, HEADER + rows))])
    assert answer.exit_code == 0, answer.output
    assert "No titles" in answer.output
    assert "more are needed" in answer.output or "no orders yet" in answer.output


def test_a_wrong_file_is_one_clear_line(tmp_path: Path) -> None:
    answer = CliRunner().invoke(evaluate, [str(written(tmp_path, "a,b\n"))])
    assert answer.exit_code == 1
    assert answer.output.startswith("Error: The header (a, b) is none we know")


def test_an_empty_file_is_called_empty(tmp_path: Path) -> None:
    with pytest.raises(OrderFileError, match=r"^The file is empty: give a CSV file"):
        read_orders(written(tmp_path, ""))


def test_notes_say_what_is_missing(tmp_path: Path) -> None:
    notes = " ".join(
        file_notes(read_orders(written(tmp_path, HEADER + "1,,2026-11-20,m1,,,1,,EUR\n2,,x,m1,,,1,,\n")))
    )
    for missing in ("1 line was left out", "line 3:", "No titles", "No categories", "No customers"):
        assert missing in notes


def test_recommend_writes_a_line_per_product_and_customer(tmp_path: Path) -> None:
    path, out = written(tmp_path, history_text(10, 20)), tmp_path / "lists.jsonl"
    answer = CliRunner().invoke(recommend, [str(path), "--out", str(out), "-n", "5"])
    assert answer.exit_code == 0, answer.output
    steps = ["learning …", "products' lists …", "customers' lists …"]
    assert answer.stderr.splitlines() == steps
    lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    products = {line["product_id"]: line["also_bought"] for line in lines if "product_id" in line}
    customers = {line["customer_id"]: line for line in lines if "customer_id" in line}
    _, history, user_ids = to_history(read_orders(path))
    ids = read_orders(path).product_ids
    assert set(products) == set(ids)
    assert all(len(places) == 5 and seed not in dict(places) for seed, places in products.items())
    assert set(customers) == set(user_ids)
    for number, name in enumerate(user_ids):
        owns = {ids[item] for item in history.item[history.user == number].tolist()}
        assert not owns & {product for product, _ in customers[name]["discover"]}
        assert {product for product, _ in customers[name]["buy_again"]} <= owns
        assert len(customers[name]["for_you"]) == 5
    assert [file.name for file in tmp_path.iterdir() if file.suffix == ".part"] == []


def test_recommend_says_which_lines_were_left_out(tmp_path: Path) -> None:
    # Only the order and the product are needed: a line cut behind the product is an order, one cut before is none.
    text = history_text(5, 4) + "900,c1,2026-11-20,n1\n901,c1,2026-11-20\n902,c1,noon,n2,,,1,,\n"
    path, out = written(tmp_path, text), tmp_path / "lists.jsonl"
    answer = CliRunner().invoke(recommend, [str(path), "--out", str(out)])
    assert answer.exit_code == 0, answer.output
    n_lines = len(text.splitlines())
    notes = [line for line in answer.stderr.splitlines() if not line.endswith("…")]
    assert notes[:2] == ["2 lines were left out.", f"line {n_lines - 1}: no product"]
    assert notes[2].startswith(f"line {n_lines}: ")
    assert len(notes) == 3
    assert '"n1"' in out.read_text("utf-8")


@pytest.mark.parametrize(
    ("rows", "why"), [("", ""), ("1,,2026-11-20\n", " 1 line was left out. line 2: no product")]
)
def test_recommend_says_that_a_file_holds_no_orders(tmp_path: Path, rows: str, why: str) -> None:
    out = tmp_path / "lists.jsonl"
    answer = CliRunner().invoke(recommend, [str(written(tmp_path, HEADER + rows)), "--out", str(out)])
    assert (answer.exit_code, answer.output) == (1, f"Error: There are no orders in orders.csv.{why}\n")
    assert not out.exists()


def test_lists_that_fail_leave_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("app.services.evaluating.customer_lines", broken)
    with pytest.raises(KeyboardInterrupt):
        recommend_file(written(tmp_path, history_text(5, 4)), tmp_path / "lists.jsonl")
    assert [file.name for file in tmp_path.iterdir()] == ["orders.csv"]


def test_a_folder_that_is_not_there_is_told_before_anything_is_learned(tmp_path: Path) -> None:
    out = tmp_path / "no folder" / "lists.jsonl"
    answer = CliRunner().invoke(recommend, [str(written(tmp_path, history_text(5, 4))), "--out", str(out)])
    assert answer.exit_code == 1
    assert f"Error: {out} can't be written: No such file or directory" in answer.output
    assert "learning" not in answer.output


@pytest.mark.parametrize("path", SHARED, ids=lambda path: path.name)
def test_a_real_history_comes_in_whole(path: Path) -> None:
    found = read_orders(path)
    assert (len(found.rows), len(found.order_ids), len(found.product_ids)) == (47_072, 12_371, 3_707)
    assert (len(found.customer_ids), found.currency, found.rejects) == (3_088, "GBP", [])
