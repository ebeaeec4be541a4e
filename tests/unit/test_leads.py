"""What is one row of the queue, and what is shown of it before it is claimed."""

import pytest

from opsmantik_box.domain.leads import LEAD_MS, Contact, choose_lead, contact_keys, group_leads, mask_email, mask_name, mask_number

NOON = 1_763_712_000_000


def contact(number: int, at: int, *keys: str) -> Contact:
    return Contact(number, NOON + at, frozenset(keys))


def grouped(*contacts: Contact) -> list[tuple[int, ...]]:
    return [lead.contacts for lead in group_leads(contacts)]


def test_what_one_visitor_does_within_a_day_is_one_row():
    assert grouped(contact(1, 0, "a"), contact(2, 5, "b"), contact(3, LEAD_MS, "a"), contact(4, LEAD_MS + 1, "a")) == [
        (1, 3),
        (2,),
        (4,),
    ]


def test_a_lead_is_named_by_its_first_contact():
    (lead,) = group_leads([contact(9, 0, "a"), contact(3, 1, "a")])
    assert (lead.id, lead.first_at) == (9, NOON)


def test_a_caller_is_known_by_his_visit_and_by_his_number():
    assert grouped(contact(1, 0, "fp:a"), contact(2, 1, "fp:a", "phone:x"), contact(3, 2, "phone:x")) == [(1, 2, 3)]


def test_who_connects_two_leads_joins_the_earlier():
    assert grouped(contact(1, 0, "a"), contact(2, 1, "b"), contact(3, 2, "a", "b")) == [(1, 3), (2,)]


def test_who_is_not_known_is_a_row_of_his_own():
    assert grouped(contact(1, 0), contact(2, 0)) == [(1,), (2,)]


def test_a_weak_fingerprint_makes_no_one_the_same_visitor():
    assert contact_keys("fp_1", False, "s", "") == {"fp:fp_1", "session:s"}
    assert contact_keys("a1b2c3", True, "s", "h") == {"session:s", "phone:h"}
    assert contact_keys("", False, "", "") == frozenset()


def test_a_late_contact_joins_the_earliest_lead_that_is_near():
    assert choose_lead(NOON, [(5, NOON - LEAD_MS), (6, NOON - 1), (7, NOON - LEAD_MS - 1)]) == 5
    assert choose_lead(NOON, [(7, NOON - LEAD_MS - 1)]) is None
    assert choose_lead(NOON, [(8, NOON + 60_000)]) == 8


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+905321230143", "+90 532 *** 01 43"),
        ("+902125554400", "+90 212 *** 44 00"),
        ("+442079460958", "+44 207 *** 09 58"),
        ("+4930123456", "+49 3 *** 34 56"),
        ("+3726712", "+372 *** 2"),
        ("+491701234567890", "+49 170 *** 78 90"),
        ("", "***"),
        ("anonymous", "***"),
        ("1234", "***"),
        ("05321230143", "***"),
    ],
)
def test_a_number_is_shown_without_its_middle(number: str, shown: str):
    assert mask_number(number) == shown


def test_a_name_is_shown_by_its_first_letter():
    assert (mask_name(" Çiğdem Öz "), mask_name(" ")) == ("Ç***", "")
    assert (mask_email("ayse@ozcilingir.example"), mask_email("")) == ("a***@***", "")
