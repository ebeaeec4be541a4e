"""What a person types as an amount, in minor units."""

import pytest

from opsmantik_box.domain.amounts import EXPONENTS, exponent, read_amount, read_currency
from opsmantik_box.errors import UsageError


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("2500", "TRY", 250_000),
        ("2.500", "TRY", 250_000),
        ("2,500", "TRY", 250_000),
        ("2500,50", "TRY", 250_050),
        ("2500.5", "TRY", 250_050),
        ("2.500,50", "TRY", 250_050),
        ("2,500.00", "TRY", 250_000),
        ("1.000.000", "EUR", 100_000_000),
        ("1,000,000.07", "USD", 100_000_007),
        (" 12 500,00 ", "EUR", 1_250_000),
        ("12\u202f500", "EUR", 1_250_000),
        ("12'500.00", "CHF", 1_250_000),
        ("1’000 ", "CHF", 100_000),
        ("0", "TRY", 0),
        ("0,05", "TRY", 5),
        ("007", "TRY", 700),
        ("2.500", "JPY", 2_500),
        ("2500", "KWD", 2_500_000),
        ("2,5", "KWD", 2_500),
        ("0.500", "KWD", 500),
        ("2500.500", "KWD", 2_500_500),
        ("2,500.000", "KWD", 2_500_000),
        ("2.500.000", "TND", 2_500_000_000),
    ],
)
def test_an_amount_is_read_as_people_write_it(text: str, currency: str, amount: int):
    assert read_amount(text, currency) == amount


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("", "TRY"), ("-5", "TRY"), ("2500 TL", "TRY"), ("1e3", "TRY"), ("2500,", "TRY"), (",50", "TRY"), ("2,5000", "TRY"),
        ("2.50.000", "TRY"), ("1.000.00", "TRY"), ("2,500.000", "TRY"), ("0.500", "TRY"), ("2500.500", "TRY"), ("12.34.567,00", "TRY"),
        ("2,50", "JPY"), ("2,500.00", "JPY"), ("٢٥", "TRY"), ("9" * 17, "TRY"), ("9" * 60, "TRY"),
        ("0" * 50 + "7", "TRY"), ("12 50", "TRY"), ("1 000.000", "TRY"), ("1' 000", "TRY"), ("1" * 29 + ",00", "TRY"),
    ],
)  # fmt: skip
def test_what_is_no_amount_is_refused_with_an_example(text: str, currency: str):
    with pytest.raises(UsageError, match="write it like 2500"):
        read_amount(text, currency)


@pytest.mark.parametrize("text", ["2.500", "2,500"])
def test_what_may_be_two_amounts_is_not_guessed(text: str):
    """2½ dinars or 2,500."""
    with pytest.raises(UsageError, match=r"2,500\.500"):
        read_amount(text, "KWD")


def test_currencies_without_hundredths_are_in_the_table_and_all_others_have_them():
    assert [exponent(currency) for currency in ("TRY", "EUR", "USD", "JPY", "KWD", "CLF", "XXX")] == [2, 2, 2, 0, 3, 4, 2]
    assert 2 not in EXPONENTS.values()
    assert all(read_currency(code) == code for code in EXPONENTS)


@pytest.mark.parametrize("text", ["", "TL", "₺", "TRYY", "T1Y", "ıııı", "TRÝ"])
def test_what_is_no_currency_is_refused(text: str):
    with pytest.raises(UsageError, match="three letters like TRY"):
        read_currency(text)
