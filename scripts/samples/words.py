"""Words of the company: products, customers' questions, articles, tickets and code, drawn by a seed."""

from __future__ import annotations

import random

PRODUCTS = ("Alder desk lamp", "Birch bookshelf", "Cedar standing desk", "Dune armchair",
            "Elm side table", "Fjord sofa bed", "Grove wardrobe", "Hazel office chair")  # fmt: skip
CITIES = ("Bergen", "Ghent", "Porto", "Graz", "Turku", "Lyon", "Leipzig", "Cork")
CARRIERS = ("NordPost", "Kangaroo Freight", "BlueVan", "Swift & Sons")
NAMES = ("Ines", "Tomasz", "Aiko", "Leila", "Marek", "Sofie", "Bruno", "Yara", "Otto", "Freya")

QUESTIONS = (
    "Hello, where is my order {order}? The {product} was promised for last week.",
    "My {product} arrived with a scratch on the left side, order {order}. What can I do?",
    "Can I still change the delivery address of order {order} to {city}?",
    "I was charged twice for order {order}. Please check.",
    "The {product} from order {order} misses two screws and one hinge.",
    "How long is the warranty for a {product}? My order number is {order}.",
)
FOLLOW_UPS = (
    "Thanks. And what does it cost to have it collected in {city}?",
    "Could somebody call me before the delivery? Mornings are best.",
    "I would rather have the money back than a replacement.",
    "Does the same hold for a {product}?",
    "Please write down for the file that the box was already open.",
)
ANSWERS = (
    "Hello {name}, order {order} left our warehouse in {city} and {carrier} has it now. It should reach"
    " you within two working days; I have asked them to ring the bell twice.",
    "Sorry about that, {name}. I have opened a case for the {product}: you can keep it with a refund of a"
    " tenth of the price, or we collect it and send a new one. Which do you prefer?",
    "Done, {name}. The change is noted on order {order} and you will get a mail about it in a moment.",
    "I looked it up, {name}: the second charge on order {order} was a reservation that your bank releases"
    " within five days. Nothing is owed.",
)
POLICY = (
    "Refunds above 200 euros need the approval of a shift lead; say so and offer a call back.",
    "Never promise a delivery day that the carrier has not confirmed in the order record.",
    "A scratched surface is settled with a tenth of the price, a broken part with a replacement part.",
    "Ask for a photo only when the record of the order shows no damage report of the carrier.",
    "Write in the language of the customer, two short paragraphs at most, no lists.",
    "A customer who mentions a lawyer, a journalist or an injury is handed over at once.",
    "Address changes are free until the label is printed, later they cost 12 euros.",
    "Assembly instructions are found by the article number, not by the name of the product.",
    "Warranty is two years on wood, five years on frames and one year on lamps and cushions.",
    "An order that was paid by invoice is shipped when the invoice is settled.",
    "Missing screws are sent by letter the same day, larger parts by parcel within three days.",
    "Discount codes cannot be added after the order, but the difference may be given as credit.",
    "Deliveries to islands and above the third floor without a lift need a second carrier.",
    "Do not quote stock numbers; say that an item is available, scarce or sold out.",
    "When two orders could be meant, name both and ask which one it is about.",
    "Close each conversation with the case number if a case was opened.",
)
ARTICLE = (
    "The {product} is built from solid wood of forests near {city}, dried for nine weeks and oiled twice.",
    "Before assembly lay all parts on a blanket; the long rails carry a number on the inner face.",
    "If a dowel sits too tight, warm it in the hand and turn it gently instead of using a hammer.",
    "Cleaning: a damp cloth with a drop of soap; never a scouring agent, never steam.",
    "The load limit is given for a level floor; on a slope of more than two degrees use the wall bracket.",
    "Spare parts are kept for ten years after the last item was sold, screws and hinges without limit.",
    "Returns go back to the depot in {city}; {carrier} brings the label and the strap.",
    "The colour changes in the first summer, which is no defect but the nature of the oil.",
)


def filled(draw: random.Random, pattern: str, **fixed: str) -> str:
    """A pattern with its blanks drawn, but for those that are given."""
    blanks = {"product": draw.choice(PRODUCTS), "city": draw.choice(CITIES),
              "carrier": draw.choice(CARRIERS), "name": draw.choice(NAMES),
              "order": str(draw.randint(70_000, 79_999))}  # fmt: skip
    return pattern.format(**(blanks | fixed))


def article(draw: random.Random, sentences: int) -> str:
    """A knowledge-base article of some length."""
    product = draw.choice(PRODUCTS)
    lines = [filled(draw, draw.choice(ARTICLE), product=product) for _ in range(sentences)]
    return f"# {product}: what customers ask\n\n" + "\n".join(lines)


def rules(repeats: int) -> str:
    """The house rules of the support desk, by department: a long and stable text."""
    departments = ("orders", "returns", "payments", "deliveries", "assembly", "trade customers")
    parts = []
    for number, name in enumerate(departments[:repeats], 1):
        shift = number * 3
        lines = [*POLICY[shift:], *POLICY[:shift]]
        parts.append(
            f"## {number}. {name.capitalize()}\n" + "\n".join(f"- {line}" for line in lines)
        )
    return "\n\n".join(parts)


def ticket(draw: random.Random) -> str:
    """One closed case, as the nightly digest gets it."""
    question = filled(draw, draw.choice(QUESTIONS))
    answer = filled(draw, draw.choice(ANSWERS))
    return f"Case {draw.randint(10_000, 99_999)}\nCustomer: {question}\nAgent: {answer}"


def source_file(draw: random.Random, functions: int) -> str:
    """A Python module of the shop's stock service."""
    lines = ['"""Stock levels of the warehouse."""', "", "from decimal import Decimal", ""]
    for _ in range(functions):
        noun = draw.choice(("stock", "parcel", "pallet", "invoice", "label", "refund", "depot"))
        verb = draw.choice(("count", "move", "reserve", "release", "check", "merge", "split"))
        limit = draw.randint(2, 900)
        lines += [
            f"def {verb}_{noun}_{limit}(items: list[dict], limit: int = {limit}) -> Decimal:",
            f'    """{verb.capitalize()} every {noun} up to the limit, oldest first."""',
            "    total = Decimal(0)",
            '    for item in sorted(items, key=lambda i: i["since"]):',
            f'        if item["amount"] > limit or item["kind"] != "{noun}":',
            "            continue",
            '        total += Decimal(item["amount"]) * Decimal(item["price"])',
            "    return total",
            "",
        ]
    return "\n".join(lines)
