"""The page of `typhon trace --html`, in a browser."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

PROGRAM = """
def f(n):
    s = 0
    for i in range(n):
        if i % 3:
            s += i
        else:
            s -= 1
    return s
g = lambda n: [i for i in range(n) if i & 1]
print(f(20000), len(g(20000)))
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("traces")
    program, page = folder / "<i>&.py", folder / "page.html"
    program.write_text(PROGRAM)
    command = [os.environ["TYPHON_BINARY"], "trace", "--html", str(page), str(program)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed == "133320000 10000\n", "what the program prints, and no traces"
    return page


def test_traces_are_folded_filtered_and_linked(written: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["TYPHON_CHROMIUM"], args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        problems: list[str] = []
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(written.as_uri())
        # Text, whatever it looks like.
        expect(page.locator("h1")).to_contain_text("<i>&.py")
        loop = page.locator(".note.loop", has_text="loop in f,").first
        listing = loop.locator("details", has_text="machine code").last.locator("pre")
        expect(loop.locator("table.exits")).to_be_hidden()
        loop.locator("> summary").click()
        expect(loop.locator("table.exits")).to_be_visible()
        expect(listing).to_be_hidden()
        loop.get_by_text("machine code", exact=True).click()
        expect(listing).to_be_visible()
        # Only some functions, and what an exit leads to.
        page.locator("#filter").fill("<lambda>")
        expect(loop).to_be_hidden()
        page.locator("#filter").fill("f")
        link = loop.locator("table.exits a", has_text="bridge").first
        wanted = (link.get_attribute("href") or "").removeprefix("#")
        bridge = page.locator(f'[id="{wanted}"]')
        expect(bridge.locator("table.exits")).to_be_hidden()
        link.click()
        expect(bridge.locator("table.exits")).to_be_visible()
        page.click("#close")
        expect(bridge.locator("table.exits")).to_be_hidden()
        page.click("#open")
        expect(bridge.locator("table.exits")).to_be_visible()
        assert not problems, problems
        browser.close()
