"""Questions that look alike and are not the same, and others that are asked in other words."""

import pytest

from floorline.guardrails.semantic.question import read
from floorline.guardrails.semantic.traps import passed_by
from floorline.guardrails.semantic.vetoes import VETOES, veto

PREFIX = "You are the assistant of a bank and answer briefly and politely in the language of the customer who writes to you now: "

TRAPS = [
    ("another script", "cancel my plan", "отмени мою подписку"),
    ("another language", "how can I cancel my plan", "wie kann ich mein Abo nicht mehr haben"),
    ("other numbers", "What is the status of order 48213?", "What is the status of order 48231?"),
    ("other numbers", "Give me two ideas for dinner", "Give me three ideas for dinner"),
    ("other numbers", "Cancel order 12", "Cancel my order"),
    ("other units", "What are 5 kg in stones?", "What are 5 lb in stones?"),
    ("other units", "Convert 5 USD to EUR", "Convert 5 EUR to USD"),
    ("another time", "Show the report for March", "Show the report for May"),
    ("another time", "Is there a train on Monday?", "Is there a train on Tuesday?"),
    ("another code", "Where is ticket AB-17x?", "Where is ticket AB-18x?"),
    ("another code", "Look into https://a.example/x", "Look into https://a.example/y"),
    ("other words in quotes", 'Translate "good night" to Dutch', 'Translate "good day" to Dutch'),
    ("another name", "Who is the mayor of Paris?", "Who is the mayor of London?"),
    ("another name", "What is the weather in Paris?", "What is the weather?"),
    ("another name", "Subscribe me to plan A", "Subscribe me to plan B"),
    ("one says not", "Cancel my subscription", "Do not cancel my subscription"),
    ("one says not", "Why does my card work abroad?", "Why doesn't my card work abroad?"),
    ("opposites", "How do I enable two-factor login?", "How do I disable two-factor login?"),
    ("opposites", "show paid invoices", "show unpaid invoices"),
    ("opposites", "export the contacts", "import the contacts"),
    ("opposites", "list the cheapest flights", "list the most expensive flights"),
    ("other numbers", "what is new in version 3.1", "what is new in version 3.10"),
    ("opposites", "enabling alerts", "disabling alerts"),
    ("opposites", "turn on dark mode", "turn off dark mode"),
    ("opposites", "how to upgrade my plan", "how to downgrade my plan"),
    ("another order", "Does Alice report to Bob?", "Does Bob report to Alice?"),
    ("another order", "can a manager approve an employee", "can an employee approve a manager"),
    ("another order", "who manages ana", "who does ana manage"),
    ("other parts", "transfer money from savings to checking", "transfer money to savings from checking"),
    ("other parts", "convert usd to eur", "convert eur into usd"),
    ("other parts", "How do you convert liters to kilograms?", "How do you convert kg to liters?"),
    ("other people", "Can I pay you?", "Can you pay me?"),
    ("another voice", "Did the customer refund the merchant?", "Was the customer refunded by the merchant?"),
    ("another question word", "When was the invoice paid?", "Where was the invoice paid?"),
    ("only a template in common", f"{PREFIX}my card is gone", f"{PREFIX}my loan is due"),
]  # fmt: skip

SAME = [
    ("How can I cancel my subscription?", "how do I cancel the subscription"),
    ("What's my balance?", "whats my balance"),
    ("Help me with a PIN change.", "Help me change my PIN"),
    ("It costs $1,000.00 a month", "it costs 1000 dollars a month"),
    ("What happens in Paris", "what happens in paris?"),
    ("I can’t log in", "I can't log in"),
    ("Show sales for Jan", "show sales for January"),
]


@pytest.mark.parametrize(("why", "asked", "stored"), TRAPS)
def test_what_differs_in_one_word_is_not_the_same_either_way_round(why: str, asked: str, stored: str) -> None:
    assert veto(read(asked), read(stored)) == why
    assert veto(read(stored), read(asked)) == why


def test_every_veto_is_shown_by_an_example() -> None:
    assert {why for why, _, _ in TRAPS} == VETOES.keys()


@pytest.mark.parametrize(("asked", "stored"), SAME)
def test_what_is_only_said_otherwise_is_not_vetoed(asked: str, stored: str) -> None:
    assert veto(read(asked), read(stored)) == ""


def test_no_question_is_vetoed_against_itself() -> None:
    for _, *texts in TRAPS:
        assert [veto(read(text), read(text)) for text in texts] == ["", ""]


@pytest.mark.parametrize(
    ("reason", "text", "tokens", "unknown", "multilingual"),
    [
        ("", "cancel my plan", 5, 0, False),
        ("nothing_asked", "?!", 2, 0, False),
        ("too_long", "cancel my plan", 257, 0, True),
        ("unknown_words", "cancel my ☃", 20, 3, True),
        ("script", "取消我的订阅", 8, 0, False),
        ("script", "cancel моя подписка", 8, 0, False),
        ("language", "wie kann ich mein Abo kündigen", 8, 0, False),
        ("", "取消我的订阅", 8, 0, True),
        ("", "wie kann ich mein Abo kündigen", 8, 0, True),
    ],
)
def test_a_question_that_its_vector_says_nothing_of_is_passed_by(
    reason: str, text: str, tokens: int, unknown: int, multilingual: bool
) -> None:
    assert passed_by(read(text), tokens=tokens, unknown=unknown, window=256, multilingual=multilingual) == reason
