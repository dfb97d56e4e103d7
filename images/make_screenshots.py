"""Take the pictures of the page: the built page, a real server, real answers of the bundled model.

cd ui && bun run build && cd .. && uv run python images/make_screenshots.py
"""

import json
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
from playwright.sync_api import Browser, Page, expect, sync_playwright

from mlx_entropix.prompts import SYSTEM_PROMPT

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "images"
CITIES = "What is the capital of France, and what is it famous for?"
LARGER = "Which is larger, 9.9 or 9.11?"
STORY = "Write the opening of a story set on a night train."
ANSWER_MS = 240_000
SEED = 0
"""Under which the small model stays with the question."""


def main() -> None:
    """Start a server, take all pictures, end the server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/"
    server = subprocess.Popen([sys.executable, "mlx_server.py", "--port", str(port)], cwd=ROOT)
    try:
        wait_for(url + "health")
        with sync_playwright() as playwright:
            path = shutil.which("chromium") or shutil.which("google-chrome")
            arguments = ["--no-sandbox", "--disable-gpu", "--font-render-hinting=none"]
            browser = playwright.chromium.launch(executable_path=path, args=arguments)
            take_all(browser, url)
            browser.close()
    finally:
        server.terminate()
        server.wait()


def wait_for(url: str) -> None:
    """Wait until the server has its model."""
    for _ in range(600):
        try:
            if httpx2.get(url).json()["status"] == "ok":
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.2)
    raise TimeoutError(f"no server at {url}")


def take_all(browser: Browser, url: str) -> None:
    """The pictures, each from a page of its own."""
    page = open_page(browser, url, "light")
    ask(page, CITIES)
    pick_unsure(page)
    save(page, "ui_light")

    page = open_page(browser, url, "dark")
    ask(page, CITIES)
    page.get_by_role("tab", name="Map").click()
    save(page, "ui_dark")

    page = open_page(browser, url, "light")
    ask(page, STORY)
    page.get_by_role("tab", name="Timeline").click()
    page.get_by_role("button", name="Attention entropy").click()
    page.get_by_role("button", name="Head disagreement").click()
    save(page, "ui_timeline")

    page = open_page(browser, url, "light")
    page.get_by_role("button", name="Side by side").first.click()
    page.get_by_role("textbox", name="Prompt for both").fill(STORY)
    page.keyboard.press("Control+.")
    page.get_by_role("button", name="Run both").click()
    wait_done(page, 2)
    save(page, "ui_side_by_side")

    page = open_page(browser, url, "light", system=SYSTEM_PROMPT)
    page.get_by_role("tab", name="Sampler").click()
    page.get_by_role("combobox", name="Forks").select_option("entropy")
    page.get_by_role("tab", name="Forks").click()
    ask(page, LARGER)
    save(page, "ui_forks")

    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    page = open_page(browser, url, "light", device_scale_factor=2, **phone)
    ask(page, CITIES)
    pick_unsure(page)
    save(page, "ui_phone")


def open_page(browser: Browser, url: str, theme: str, *, system: str = "", **options) -> Page:
    """A page as a visitor finds it, but for a fixed seed."""
    sampler = {"preset": "auto", "overrides": {}, "seed": SEED, "maxTokens": 160}
    draft = {"systemPrompt": system, "sampler": sampler}
    settings = json.dumps({"state": {"draft": draft}, "version": 1})
    desk = {"viewport": {"width": 1440, "height": 900}}
    context = browser.new_context(**(desk | options), color_scheme=theme, reduced_motion="reduce")
    context.add_init_script(f"localStorage.setItem('entropix.settings', {json.dumps(settings)})")
    page = context.new_page()
    page.goto(url)
    expect(page.get_by_text("ready")).to_be_attached()
    return page


def ask(page: Page, question: str) -> None:
    """Send a question and wait for the answer."""
    page.locator("#composer").fill(question)
    page.keyboard.press("Enter")
    wait_done(page, 1)


def wait_done(page: Page, count: int) -> None:
    """Wait until so many answers are complete."""
    expect(page.locator('[data-status="done"]')).to_have_count(count, timeout=ANSWER_MS)


def pick_unsure(page: Page) -> None:
    """Open the card of the last of the words that the model was least sure of."""
    words = page.locator(".tokens .token-word")
    strength = "all => all.map(one => Number(one.style.getPropertyValue('--t')))"
    strengths = words.evaluate_all(strength)
    last = max(range(len(strengths)), key=lambda i: (strengths[i], i))
    words.nth(last).click()


def save(page: Page, name: str) -> None:
    """Take the picture once the lazy parts are there, and close the page."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(400)
    page.screenshot(path=IMAGES / f"{name}.png")
    page.context.close()


if __name__ == "__main__":
    main()
