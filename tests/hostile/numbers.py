#: a power too high | MEMORY
10 ** 10**9

#: a power that takes long | WALL_TIME or MEMORY
3 ** 20_000_000

#: modular power of giants | WALL_TIME
m = (1 << 200_000) - 1
#: go
pow(3, m, m - 2)

#: multiplication of giants | WALL_TIME
x = (1 << 1_000_000) - 1
#: go
while True: x * (x - 2)

#: shift beyond memory | MEMORY or EXCEPTION OverflowError
1 << 10**12

#: division of giants | WALL_TIME
x = (1 << 1_000_000) - 1
y = (1 << 500_000) + 12345
#: go
while True: divmod(x, y)

#: int to text beyond the limit of digits | EXCEPTION ValueError
str(1 << 5_000_000)

#: int to text without that limit | WALL_TIME
import sys
sys.set_int_max_str_digits(0)
x = (1 << 4_000_000) - 1
#: go
while True: str(x)

#: text to int without that limit | WALL_TIME
import sys
sys.set_int_max_str_digits(0)
s = '7' * 2_000_000
#: go
while True: int(s)

#: factorial | WALL_TIME or MEMORY
import math
#: go
while True: math.factorial(200_000)

#: binomial coefficient | WALL_TIME or MEMORY
import math
#: go
while True: math.comb(1_000_000, 500_000)

#: integer square root | WALL_TIME
import math
x = (1 << 2_000_000) - 1
#: go
while True: math.isqrt(x)

#: greatest common divisor | WALL_TIME
import math
x, y = (1 << 2_000_000) - 1, (1 << 1_999_999) + 12345
#: go
while True: math.gcd(x, y)

#: product of a range | WALL_TIME or MEMORY
import math
#: go
math.prod(range(1, 10_000_000))

#: fractions that grow | WALL_TIME or MEMORY
import fractions
x = fractions.Fraction(1, 3)
#: go
while True: x = x * x + 1

#: decimal power | WALL_TIME or MEMORY
import decimal
decimal.getcontext().prec = 200_000
#: go
while True: decimal.Decimal(3) ** 1_000_000

#: decimal exponential | WALL_TIME
import decimal
decimal.getcontext().prec = 20_000
#: go
while True: decimal.Decimal(3).exp()

#: decimal root | WALL_TIME
import decimal
decimal.getcontext().prec = 500_000
#: go
while True: decimal.Decimal(2).sqrt()

#: decimal with precision beyond memory | MEMORY or EXCEPTION MemoryError or EXCEPTION Overflow or WALL_TIME | wall=2000
import decimal
decimal.getcontext().prec = decimal.MAX_PREC
decimal.getcontext().Emax = decimal.MAX_EMAX
decimal.getcontext().Emin = decimal.MIN_EMIN
decimal.Decimal(1) / 7

#: decimal to int beyond memory | MEMORY or EXCEPTION OverflowError or EXCEPTION ValueError
import decimal
int(decimal.Decimal('1e999999999'))

#: decimal shown in full | MEMORY or COMPLETED
import decimal
format(decimal.Decimal('1e99999999'), 'f')

#: float to fraction and back | COMPLETED
import fractions
float(fractions.Fraction(1.7976931348623157e308))

#: statistics of nonsense | EXCEPTION TypeError or EXCEPTION StatisticsError or EXCEPTION ValueError
import statistics
statistics.variance([1, 'x', None])

#: random bits beyond memory | MEMORY or EXCEPTION OverflowError
import random
random.getrandbits(10**12)
