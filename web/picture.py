"""Record the figure of the home page for the top of the README, from the built site: as it opens, and as it steps.

nox -s picture
"""

from __future__ import annotations

import io

from browse import ROOT, opened_site
from PIL import Image
from playwright.sync_api import Browser

FOLDER = ROOT / "docs/assets"
PACE = 1200  # ms for a step
PAUSE = 3600  # ms for the last, before it begins again


def main() -> None:
    """Open the home page in Chromium, once for each colour scheme, and take its figure at every step."""
    with opened_site() as (browser, address):
        for scheme in ("light", "dark"):
            first, *rest = frames(browser, address, scheme)
            times = [PACE] * len(rest) + [PAUSE]
            path = FOLDER / f"figure-{scheme}.webp"
            first.save(path, save_all=True, append_images=rest, duration=times, loop=0, quality=72, method=6)
            first.save(FOLDER / f"figure-{scheme}.png", optimize=True)  # for readers who want nothing to move


def frames(browser: Browser, address: str, scheme: str) -> list[Image.Image]:
    """The figure at the step at which it opens, and at each after it."""
    page = browser.new_page(
        viewport={"width": 900, "height": 1200},
        device_scale_factor=1.5,
        color_scheme=scheme,  # type: ignore[arg-type]
        reduced_motion="reduce",
    )
    page.goto(address)
    figure = page.locator("vg-player[ready]").first
    figure.wait_for()
    page.evaluate("document.fonts.ready")
    slider = figure.locator(".vg-slider")
    last = slider.get_attribute("max")
    taken = []
    while True:
        picture = figure.screenshot(animations="disabled")
        taken.append(Image.open(io.BytesIO(picture)).convert("RGB"))
        if slider.input_value() == last:
            page.close()
            return taken
        slider.press("ArrowRight")


if __name__ == "__main__":
    main()
