"""The console, in a browser, against a server: what somebody sees who uses it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    command = [os.environ["TYPHON_BINARY"], "serve", "--listen", "127.0.0.1:0", "--log", "warn"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    yield server.stdout.readline().split()[-1]
    server.terminate()
    server.wait()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["TYPHON_CHROMIUM"], args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    page = browser.new_page()
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    # A refusal is an answer; the browser notes its status all the same.
    refused = "Failed to load resource: the server responded with a status of 4"
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{address}/console")
    yield page
    page.close()
    problems = [problem for problem in problems if not problem.startswith(refused)]
    assert not problems, problems


def run(page: Page, code: str) -> None:
    page.fill("#code", code)
    page.press("#code", "Control+Enter")


def test_output_comes_as_it_is_written(page: Page) -> None:
    expect(page.locator("#server")).to_contain_text("Python 3.14")
    run(page, "import sys\nprint('ä 1', flush=True)\nsys.stdin.read()\nwhile True: pass")
    # It still runs.
    expect(page.locator("#output")).to_contain_text("ä 1")
    expect(page.locator("#outcome")).to_have_text("runs")
    page.click("#stop")
    expect(page.locator("#outcome")).to_contain_text("INTERRUPTED")


def test_a_session_shows_its_variables_and_what_it_used(page: Page) -> None:
    run(page, "x = [1, 2]\nname = '<b>&'\nsum(x)")
    expect(page.locator("#output .value")).to_have_text("3\n")
    expect(page.locator("#outcome")).to_have_text("COMPLETED")
    rows = page.locator("#variables tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_have_text("xlist[1, 2]")
    # Text, whatever it looks like.
    expect(rows.nth(1).locator("td").nth(2)).to_have_text("'<b>&'")
    expect(page.locator("#heap-text")).to_contain_text("of 256.00 MiB")
    # The next program finds them, until the session is reset.
    run(page, "x + [3]")
    expect(page.locator("#output .value")).to_have_text("[1, 2, 3]\n")
    page.click("#reset")
    expect(page.locator("#outcome")).to_have_text("the session is empty")
    expect(rows).to_have_count(0)
    run(page, "x")
    expect(page.locator("#output .exception")).to_contain_text("NameError: name 'x' is not defined")


def test_limits_and_refusals_are_told(page: Page) -> None:
    page.fill("#seconds", "0.2")
    run(page, "while True: pass")
    expect(page.locator("#outcome")).to_contain_text("WALL_TIME of 200000000")
    page.fill("#seconds", "-1")
    run(page, "1")
    expect(page.locator("#outcome")).to_contain_text("(INVALID_REQUEST)")


LOOPS = """
class Point:
    def __init__(self, x): self.x = x

def count(n):
    total = 0
    for i in range(n):
        total += Point(i).x if i % 3 else 1
    return total

session_only = None
(lambda: count(20000))()
"""


def test_traces_are_shown_of_a_run_apart_from_the_session(page: Page) -> None:
    run(page, "x = 1")
    expect(page.locator("#variables tbody tr")).to_have_count(1)
    expect(page.locator("#traces")).to_be_hidden()
    page.fill("#code", LOOPS)
    page.click("#trace")
    expect(page.locator("#output .value")).to_have_text("133333334\n")
    expect(page.locator("#outcome")).to_have_text("COMPLETED")
    expect(page.locator("#trace-summary")).to_contain_text("compiled")
    loop = page.locator(".trace", has_text="loop in count, line 7").first
    expect(loop.get_by_text("optimized", exact=True)).to_be_hidden()
    loop.locator("> summary").click()
    code = loop.locator("details", has_text="optimized").locator("pre")
    expect(code).to_be_hidden()
    loop.get_by_text("optimized", exact=True).click()
    expect(code).to_contain_text("guard")
    # Where things lie in the server's memory is nobody's business.
    assert not re.search(r"0x[0-9a-f]{9}|[0-9]{10}", page.locator("#traces").inner_html())
    expect(page.locator("#trace-exits tbody tr").first).to_contain_text("count, line 8")
    # The session has not noticed.
    run(page, "x + 1")
    expect(page.locator("#output .value")).to_have_text("2\n")
    expect(page.locator("#variables tbody tr")).to_have_count(1)
    expect(page.locator("#traces")).to_be_hidden()


def test_a_run_for_traces_can_be_stopped(page: Page) -> None:
    page.fill("#code", "print('on', flush=True)\nwhile True: pass")
    page.click("#trace")
    expect(page.locator("#output")).to_contain_text("on")
    page.click("#stop")
    expect(page.locator("#outcome")).to_have_text("stopped")
