"""How people say ages and days in English, and what either leaves possible."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from safelight.exposure.spans import Detail

_NUMBERS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = {
    "twent": 20,
    "thirt": 30,
    "fort": 40,
    "fift": 50,
    "sixt": 60,
    "sevent": 70,
    "eight": 80,
    "ninet": 90,
}
_SPELT = {word: at for at, word in enumerate(_NUMBERS)} | {
    f"{stem}y" + (f"{join}{unit}" if at else ""): tens + at
    for stem, tens in _TENS.items()
    for at, unit in enumerate(_NUMBERS[:10])
    for join in ("-", " ")
}
_NUMBER = r"(?P<number>\d{1,3}|" + "|".join(sorted(_SPELT, key=len, reverse=True)) + r")"
_AGES = (
    re.compile(rf"\b{_NUMBER}[\s-]*(?P<unit>year|yr|month|week|day)s?[\s-]*old\b", re.IGNORECASE),
    re.compile(rf"\b{_NUMBER}\s*(?P<unit>y)(?:/o|o|\.o\.)(?!\w)", re.IGNORECASE),
    re.compile(
        rf"\b(?:aged?|age of)[\s:]+{_NUMBER}(?:[\s-]*(?P<unit>year|month|week|day)s?)?\b",
        re.IGNORECASE,
    ),
    re.compile(r"(?<![\w.])(?P<number>\d{1,3})\s?(?P<sex>[FMfm])(?![\w'’/])"),
    re.compile(r"(?<![\w.])(?P<sex>[FM])(?P<number>\d{1,3})(?![\w'’/])"),
)
_DECADE = re.compile(
    r"\b(?P<part>early|mid|late)?[\s-]*(?:(?P<digits>[1-9])0['’]?s|(?P<stem>twent|thirt|fort|fift|sixt|sevent|eight|ninet)ies|(?P<teens>teens))\b",
    re.IGNORECASE,
)
_PARTS = {"early": (0, 3), "mid": (3, 7), "late": (6, 9), None: (0, 9)}
LIFE: Mapping[str, dict[str, Any]] = {
    "newborn": {"months": 0},
    "neonate": {"months": 0},
    "baby": {"band": [0, 1]},
    "infant": {"band": [0, 1]},
    "toddler": {"band": [1, 3]},
    "preschooler": {"band": [2, 5]},
    "schoolboy": {"band": [4, 18]},
    "schoolgirl": {"band": [4, 18]},
    "child": {"band": [0, 17]},
    "teenager": {"band": [13, 19]},
    "teenage": {"band": [13, 19]},
    "adolescent": {"band": [10, 19]},
    "middle-aged": {"band": [40, 65]},
    "elderly": {"band": [65, 120]},
    "pensioner": {"band": [60, 120]},
    "septuagenarian": {"band": [70, 79]},
    "octogenarian": {"band": [80, 89]},
    "nonagenarian": {"band": [90, 99]},
    "centenarian": {"band": [100, 120]},
}
"""Words for a time of life, as widely as they are used."""
_LIFE = re.compile(rf"\b({'|'.join(LIFE)})s?\b", re.IGNORECASE)

_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_MONTH = r"(?P<month>" + "|".join(f"{name[:3]}(?:{name[3:]})?" for name in _MONTHS) + r")"
_DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_FEASTS = {
    "christmas": (12, 25),
    "boxing day": (12, 26),
    "new year": (1, 1),
    "halloween": (10, 31),
    "bonfire night": (11, 5),
}
_SEASONS = {"spring": (3, 5), "summer": (6, 8), "autumn": (9, 11), "winter": (12, 14)}
_UNITS = {"day": 1, "week": 7, "fortnight": 14, "month": 30, "year": 365}


def ages(text: str) -> Iterator[Detail]:
    """Yield the ages that a text tells, and the sex told along with one ("42F")."""
    for pattern in _AGES:
        for match in pattern.finditer(text):
            said = match.groupdict()
            unit = (said.get("unit") or "year").casefold()
            value = _age(_number(said["number"]), unit)
            if said.get("sex"):
                yield Detail("age", said["number"], match.span("number"), value)
                yield Detail("sex", said["sex"], match.span("sex"), said["sex"].upper())
            else:
                yield Detail("age", match[0], match.span(), value)
    for match in _DECADE.finditer(text):
        yield Detail("age", match[0].strip(" -"), match.span(), {"band": _decade(match)})
    for match in _LIFE.finditer(text):
        yield Detail("age", match[0], match.span(), LIFE[match[1].casefold()])


def _number(said: str) -> int:
    return int(said) if said.isdigit() else _SPELT[said.casefold()]


def _age(number: int, unit: str) -> dict[str, Any]:
    if unit in {"year", "yr", "y"}:
        return {"years": min(number, 120)}
    if unit == "day":
        return {"weeks": number // 7}
    return {f"{unit}s": number}


def _decade(match: re.Match[str]) -> list[int]:
    if match["teens"]:
        return [13, 19]
    start = 10 * int(match["digits"]) if match["digits"] else _TENS[match["stem"].casefold()]
    first, last = _PARTS[match["part"].casefold() if match["part"] else None]
    return [start + first, start + last]


def dates(text: str, *, at: date) -> Iterator[Detail]:
    """Yield the days and times that a text tells, as events; "yesterday" counts from `at`."""
    for pattern, window in _DATES:
        for match in pattern.finditer(text):
            if (between := window(match, at)) is not None:
                first, last = between
                on = {"from": first.isoformat(), "to": last.isoformat()}
                value = {"what": "what happened", "on": on}
                yield Detail("event", match[0], match.span(), value)


def durations(text: str) -> Iterator[Detail]:
    """Yield how long something has lasted, which no table knows: "a ten-year history"."""
    for match in _LASTED.finditer(text):
        yield Detail("unmapped", match[0], match.span(), None)


_LASTED = re.compile(rf"\b{_NUMBER}[\s-]+(?:hour|{'|'.join(_UNITS)})s?\b", re.IGNORECASE)

Window = tuple[date, date] | None


def _on_day(match: re.Match[str], at: date) -> Window:
    """Read "3 March 2026", "March 3rd" and, in the order of Britain, "3/3/26"."""
    said = match.groupdict()
    month = _month_of(said["month"])
    year = int(said["year"]) if said["year"] else at.year
    year += 2000 if year < 100 else 0
    try:
        day = date(year, month, int(said["day"]))
        if not said["year"] and day > at:
            day = day.replace(year=year - 1)
    except ValueError:
        return None
    return day, day


def _month_of(said: str) -> int:
    if said.isdigit():
        return int(said)
    return next(at for at, name in enumerate(_MONTHS, 1) if name.startswith(said.casefold()[:3]))


def _in_month(match: re.Match[str], at: date) -> Window:
    month = _month_of(match["month"])
    year = int(match["year"]) if match["year"] else at.year - (month > at.month)
    return _months(year, month, month)


def _months(year: int, first: int, last: int) -> Window:
    year, first, last = _carried(year, first, last)
    end = date(year + last // 12, last % 12 + 1, 1) - timedelta(days=1)
    return date(year, first, 1), end


def _carried(year: int, first: int, last: int) -> tuple[int, int, int]:
    over = (first - 1) // 12
    return year + over, first - 12 * over, last - 12 * over


def _in_season(match: re.Match[str], at: date) -> Window:
    first, last = _SEASONS[match["season"].casefold()]
    year = int(match["year"]) if match["year"] else at.year - (first > at.month)
    if match["which"].casefold() == "last" and not match["year"] and first <= at.month <= last:
        year -= 1
    return _months(year, first, last)


def _in_year(match: re.Match[str], _at: date) -> Window:
    year = int(match["year"])
    return date(year, 1, 1), date(year, 12, 31)


def _on_feast(match: re.Match[str], at: date) -> Window:
    month, day = _FEASTS[match["feast"].casefold()]
    middle = date(at.year, month, day)
    middle = middle if middle <= at else middle.replace(year=at.year - 1)
    return middle - timedelta(days=7), middle + timedelta(days=7)


def _on_weekday(match: re.Match[str], at: date) -> Window:
    back = (at.weekday() - _DAYS.index(match["weekday"].casefold())) % 7
    return at - timedelta(days=back + 7 * (back == 0)), at - timedelta(days=back)


def _near(match: re.Match[str], at: date) -> Window:
    first, last = _NEAR[re.sub(r"\s+", " ", match[0].casefold())]
    return at - timedelta(days=first), at - timedelta(days=last)


_NEAR = {
    "today": (0, 0),
    "tonight": (0, 0),
    "this morning": (0, 0),
    "this afternoon": (0, 0),
    "this evening": (0, 0),
    "yesterday": (1, 1),
    "last night": (1, 0),
    "the other day": (14, 1),
    "this week": (7, 0),
    "at the weekend": (9, 0),
    "last weekend": (14, 1),
    "last week": (14, 1),
    "this month": (31, 0),
    "last month": (62, 1),
    "this year": (365, 0),
    "last year": (730, 1),
}


def _ago(match: re.Match[str], at: date) -> Window:
    number = 2 if match["few"] else 1 if match["one"] else _number(match["number"])
    unit = _UNITS[match["unit"].casefold()]
    most = 5 if match["few"] else number + 1
    earliest = at.toordinal() - most * unit
    if earliest < 366:
        return None
    return date.fromordinal(earliest), at - timedelta(days=max(0, number - 1) * unit)


_YEAR = r"(?P<year>(?:19|20)\d\d)"
_NEAR_NAMES = "|".join(_NEAR).replace(" ", r"\s+")
_DATES = (
    (
        re.compile(
            rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:\s+of)?\s+{_MONTH}\b(?:,?\s+{_YEAR})?",
            re.IGNORECASE,
        ),
        _on_day,
    ),
    (
        re.compile(
            rf"\b{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+{_YEAR})?", re.IGNORECASE
        ),
        _on_day,
    ),
    (
        re.compile(
            r"(?<![\d/.])(?P<day>\d{1,2})[/.](?P<month>\d{1,2})[/.](?P<year>(?:20)?\d\d)(?![\d/])"
        ),
        _on_day,
    ),
    (re.compile(r"(?<![\d-])(?P<year>(?:19|20)\d\d)-(?P<month>\d\d)-(?P<day>\d\d)(?!\d)"), _on_day),
    (
        re.compile(
            rf"\b(?:in|since|last|during|early|late|mid)[\s-]+{_MONTH}\b(?:\s+{_YEAR})?",
            re.IGNORECASE,
        ),
        _in_month,
    ),
    (re.compile(rf"\b{_MONTH}\s+{_YEAR}\b", re.IGNORECASE), _in_month),
    (
        re.compile(
            rf"\b(?P<which>last|this|in|over the)\s+(?:the\s+)?(?P<season>{'|'.join(_SEASONS)})\b(?:\s+(?:of\s+)?{_YEAR})?",
            re.IGNORECASE,
        ),
        _in_season,
    ),
    (re.compile(rf"\b(?P<feast>{'|'.join(_FEASTS)})\b", re.IGNORECASE), _on_feast),
    (
        re.compile(rf"\b(?:(?:last|on|this)\s+)?(?P<weekday>{'|'.join(_DAYS)})\b", re.IGNORECASE),
        _on_weekday,
    ),
    (
        re.compile(
            rf"\b(?:(?P<few>a few|several|some)|{_NUMBER}|(?P<one>an?))\s+(?P<unit>{'|'.join(_UNITS)})s?\s+ago\b",
            re.IGNORECASE,
        ),
        _ago,
    ),
    (re.compile(rf"\b(?:{_NEAR_NAMES})\b", re.IGNORECASE), _near),
    (re.compile(rf"\b(?:in|since|of)\s+{_YEAR}\b", re.IGNORECASE), _in_year),
)
"""Each way of saying a day, and what it leaves possible; the more exact ones first."""
