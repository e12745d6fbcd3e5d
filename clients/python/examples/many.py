"""A thousand programs, asyncio.

    typhon serve &
    python examples/many.py
"""

import asyncio

from typhon_client import AsyncClient


async def main() -> None:
    async with AsyncClient() as typhon:
        room = asyncio.Semaphore(64)

        async def square(n: int) -> int:
            async with room:
                value: int = (await typhon.run("n * n", inputs={"n": n})).value
                return value

        print(sum(await asyncio.gather(*map(square, range(1000)))))


asyncio.run(main())
