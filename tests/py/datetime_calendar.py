# Days, weeks and spans by their numbers: there and back, at all edges.
import datetime
from datetime import date, timedelta, timezone
from fractions import Fraction

LAST = date.max.toordinal()

# Ordinals: every end of a month in years of all kinds, and a walk over all days.
for year in (1, 4, 100, 400, 1582, 1899, 1900, 1999, 2000, 2023, 2024, 9999):
    row = []
    for month in range(1, 13):
        first = date(year, month, 1).toordinal()
        row.append(first)
        before = None if first == 1 else date.fromordinal(first - 1)
        assert before is None or before.toordinal() == first - 1 and (before + timedelta(1)).day == 1
    print(year, row)
last = date.min
for n in range(2, LAST + 1):
    day = date.fromordinal(n)
    assert day > last and day.toordinal() == n, n
    last = day
assert last == date.max == date(9999, 12, 31)
for n in range(1, LAST + 1, 29):
    day = date.fromordinal(n)
    assert date(day.year, day.month, day.day) == day, n
for n in (0, LAST + 1, -1, 2**40, 2**70):
    try:
        print(date.fromordinal(n))
    except (ValueError, OverflowError) as error:
        print(n, type(error).__name__, error)

# ISO weeks.
for n in range(1, LAST - 7, 13):
    day = date.fromordinal(n)
    iso = day.isocalendar()
    assert date.fromisocalendar(*iso) == day, day
for year in (1, 2, 1998, 2004, 2005, 2008, 2009, 2010, 2020, 2021, 9999):
    print([tuple(date(year, *ends).isocalendar()) for ends in ((1, 1), (1, 4), (12, 28), (12, 31))])
for wrong in ((2021, 53, 1), (2020, 54, 1), (2020, 0, 1), (2020, 1, 0), (2020, 1, 8), (0, 1, 1), (9999, 52, 6), (10000, 1, 1)):
    try:
        print(wrong, date.fromisocalendar(*wrong))
    except ValueError as error:
        print(wrong, error)

# Spans: microseconds round half to even, whatever the sign.
us = timedelta(microseconds=1)
for n in (5, 7, -5, -7, 4, -1, 1, 3):
    for by in (2, -2, 3, -3, 0.5, -2.5, 1e3):
        print(n, by, (n * us) / by // us, (n * us) * by // us, end="; ")
    print()
print([timedelta(microseconds=x) // us for x in (0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.4999999, 1e-9)])
print([timedelta(seconds=x) // us for x in (1e-6, 5e-7, 1.5e-6, 2.5e-6, 0.1, 1 / 3, 86399.9999995)])
print([timedelta(days=1) * float(f) for f in (Fraction(1, 3), Fraction(2, 3), Fraction(-1, 7))])
print([repr(timedelta(microseconds=n)) for n in (-1, 1, -86_400_000_000, 86_399_999_999, -10**15)])
for args in ((float("nan"),), (float("inf"),), (1e20,), (999999999, 86400), (-999999999, -1)):
    try:
        print(timedelta(*args))
    except (ValueError, OverflowError) as error:
        print(args, type(error).__name__, error)
print([divmod(timedelta(days=-3, seconds=5), timedelta(hours=h)) for h in (1, -1, 7)])
for offset in (timedelta(hours=-1, seconds=5), timedelta(minutes=-1), timedelta(hours=23, minutes=59, microseconds=1), timedelta(0)):
    zone = timezone(offset)
    print(zone, datetime.datetime(2024, 2, 29, 12, tzinfo=zone).isoformat(), datetime.time(1, tzinfo=zone))
for offset in (timedelta(hours=24), timedelta(hours=-24)):
    try:
        print(timezone(offset))
    except ValueError as error:
        print(error)
