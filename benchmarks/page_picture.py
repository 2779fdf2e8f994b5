"""Take the picture of the service's page for the README: `python -m benchmarks.page_picture`.

It needs the models that `make` makes, the photographs of `make photographs`, and chromium.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks import measured
from fashion_mnist import command
from fashion_mnist.errors import InputError

# A shirt that 28x28 pixels make a bag.
PHOTOGRAPHS = Path("photographs/data/pictures/validation")
PHOTOGRAPH = PHOTOGRAPHS / "shirt/31315e30-2742-4f7f-8168-10a0645d2163.jpg"


def main() -> None:
    if not PHOTOGRAPH.exists():
        raise InputError(f"{PHOTOGRAPH}: not found; get it with `make photographs`")
    server = subprocess.Popen(
        [sys.executable, "-m", "service", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    url, *_ = server.stdout.readline().split() or [""]
    if not url:
        raise InputError("the service did not start; make the models with `make`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800}, device_scale_factor=1.5)
        page.goto(url)
        page.locator("#file").set_input_files(PHOTOGRAPH)
        page.wait_for_selector("[data-state=done]")
        page.get_by_role("switch", name="Show what mattered").click()
        page.wait_for_load_state("networkidle")
        page.screenshot(path="docs/page.png")
        browser.close()
    sources = sorted(path.as_posix() for path in Path("service/page").glob("*.*"))
    inputs = (*measured.TRAINING, "photographs/head.npz", *sources)
    measured.record(Path("docs/page.png"), *inputs)
    server.terminate()
    server.wait()


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
