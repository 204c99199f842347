"""The messages of the codec's benchmark, made the same way each time: as JSON."""

import json
import random

WORDS = ("shelf book page cover margin reader letter chapter border paper volume author printer "
         "novel story index table figure note title river garden winter harbour window evening "
         "the of and to in a is that for it as was with be by on not he his but at are this "
         "from or had an they which one you were all her she there would their we him been has "
         "when who will no more if out so up said what its about than into them can only other "
         "time new some could these two may first then do any like my now over such our").split()
# One of these follows a word now and then, so that a text is not all plain ASCII.
MARKS = ("\n", " \"so\"", " \u2013", " caf\u00e9", " na\u00efve", "\t", " \u201cyes\u201d", " C:\\")


def words(source, count):
    return " ".join(source.choice(WORDS) for _ in range(count))


def prose(source, count):
    pieces = []
    for i in range(count):
        pieces.append(source.choice(WORDS))
        if i % 40 == 39:
            pieces[-1] += source.choice(MARKS)
    return " ".join(pieces)


def book(source, number):
    return {
        "bookId": f"book-{number:06d}",
        "title": words(source, 4),
        "authors": [words(source, 2).title() for _ in range(source.randint(1, 2))],
        "pageCount": source.randint(80, 1200),
        "price": source.randint(499, 9999) / 100,
        "inStock": True,
        "cover": source.choice(("RED", "GREEN", "BLUE")),
        "publishedMs": str(source.randint(10**12, 17 * 10**11)),
        "ratings": [source.randint(1, 5) for _ in range(source.randint(3, 6))],
    }


def shelf(source):
    return {
        "shelfId": "shelf-0042",
        "title": words(source, 5),
        "books": [book(source, i) for i in range(6200)],
        "createdAt": "2024-05-01T12:30:45.123Z",
        "labels": {"floor": "2", "room": "reading", "owner": words(source, 2), "state": "open"},
    }


def small(source):
    return {"bookId": "book-000007", "title": words(source, 2), "pageCount": 312, "price": 24.95,
            "inStock": True, "cover": "GREEN", "publishedMs": "1714564800000"}


def address(source):
    return {"recipient": words(source, 2).title(), "lines": [words(source, 3).title()],
            "city": words(source, 1).title(), "postalCode": str(source.randint(10000, 99999)),
            "countryCode": "DE",
            "location": {"latitude": round(source.uniform(47, 55), 6),
                         "longitude": round(source.uniform(6, 15), 6)}}


def money(source):
    return {"currencyCode": "EUR", "units": str(source.randint(1, 400)),
            "nanos": source.randint(1, 99) * 10**7}


def item(source, number):
    return {"product": {"sku": f"SKU-{number:05d}", "name": words(source, 3),
                        "size": {"widthMm": source.randint(20, 900),
                                 "heightMm": source.randint(20, 900),
                                 "weightKg": source.randint(1, 9000) / 1000},
                        "inStock": True},
            "quantity": source.randint(1, 4), "price": money(source)}


def order(source):
    moment = "2024-05-{:02d}T12:{:02d}:45Z".format
    return {
        "orderId": "order-20240501-000042", "state": "SHIPPED", "placedAt": moment(1, 30),
        "customer": {"customerId": "customer-000815", "name": words(source, 2).title(),
                     "email": "reader@example.com", "loyaltyPoints": "1280",
                     "preferences": {"language": "en", "newsletter": True,
                                     "channels": ["mail", "post"]}},
        "items": [item(source, i) for i in range(5)],
        "shippingAddress": address(source), "billingAddress": address(source),
        "payment": {"card": {"brand": "visa", "lastDigits": "4242", "expiryYear": 2029,
                             "expiryMonth": 11},
                    "amount": money(source), "authorizedAt": moment(1, 31)},
        "total": money(source),
        "history": [{"at": moment(i + 1, 40), "state": state, "remark": words(source, 3)}
                    for i, state in enumerate(("PLACED", "PAID", "SHIPPED"))],
        "labels": {"channel": "web", "campaign": "spring"},
    }


def text(source):
    return {"text": prose(source, 8000), "lines": [prose(source, 60) for _ in range(205)]}


def number(source, i):
    """Measured values with all their digits, prices, coordinates, whole numbers."""
    return (source.uniform(-1000, 1000), source.randint(1, 10**7) / 100,
            round(source.uniform(-180, 180), 6), source.random() * 10**source.randint(-9, 9),
            float(source.randint(0, 10**6)))[i % 5]


def numbers(source):
    return {"doubles": [number(source, i) for i in range(6000)],
            "integers": [str(source.randint(-2**source.randint(4, 62), 2**source.randint(4, 62)))
                         for _ in range(5500)]}


MAKERS = {"small": ("codectest.Book", small), "medium": ("codecbench.Order", order),
          "large": ("codectest.Shelf", shelf), "text": ("codectest.Text", text),
          "numbers": ("codectest.Numbers", numbers)}
NAMES = tuple(MAKERS)


def make():
    """[(name, message type, JSON text in UTF-8)]"""
    return [(name, message, json.dumps(maker(random.Random(name)), ensure_ascii=False,
                                       separators=(",", ":")).encode())
            for name, (message, maker) in MAKERS.items()]
