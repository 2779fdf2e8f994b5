"""The picture of the service's page in the README: `python -m benchmarks.page_picture`.

Needs the models that `make` makes, and a chromium.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks import measured


def main() -> None:
    server = subprocess.Popen(
        [sys.executable, "-m", "service", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    url = server.stdout.readline().split()[0]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800}, device_scale_factor=1.5)
        page.goto(url)
        page.get_by_role("button", name="Ankle boot", exact=True).click()
        page.wait_for_selector("[data-state=done]")
        page.get_by_role("switch", name="Show what mattered").click()
        page.wait_for_load_state("networkidle")
        page.screenshot(path="docs/page.png")
        browser.close()
    page = sorted(path.as_posix() for path in Path("service/page").glob("*.*"))
    measured.record(Path("docs/page.png"), *measured.TRAINING, *page)
    server.terminate()
    server.wait()


if __name__ == "__main__":
    main()
