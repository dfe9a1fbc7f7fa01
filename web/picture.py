"""Record the figure of the home page for the top of the README, from the built site: as it steps, and at its end.

nox -s picture
"""

from __future__ import annotations

import io

from browse import ROOT, opened_site
from PIL import Image
from playwright.sync_api import Browser

FOLDER = ROOT / "docs/assets"
PACE = 900  # ms for a step
PAUSE = 3600  # ms for the last, before it begins again


def main() -> None:
    """Open the home page in Chromium, once for each colour scheme, and take its figure at every step."""
    with opened_site() as (browser, address):
        for scheme in ("light", "dark"):
            first, *rest = of_one_size(frames(browser, address, scheme))
            times = [PACE] * len(rest) + [PAUSE]
            path = FOLDER / f"figure-{scheme}.webp"
            first.save(path, save_all=True, append_images=rest, duration=times, loop=0, quality=72, method=6)
            rest[-1].save(FOLDER / f"figure-{scheme}.png", optimize=True)  # for readers who want nothing to move


def frames(browser: Browser, address: str, scheme: str) -> list[Image.Image]:
    """The figure at each of its steps."""
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
    slider.press("Home")
    page.add_style_tag(content=":focus-visible { outline: none !important; }")  # nobody is there to use it
    taken = []
    while True:
        picture = figure.screenshot(animations="disabled")
        taken.append(Image.open(io.BytesIO(picture)).convert("RGB"))
        if slider.input_value() == last:
            page.close()
            return taken
        slider.press("ArrowRight")


def of_one_size(pictures: list[Image.Image]) -> list[Image.Image]:
    """All as high as the highest: a step that says more makes the figure higher. Below is the colour of the page."""
    height = max(picture.height for picture in pictures)
    made = []
    for picture in pictures:
        frame = Image.new("RGB", (picture.width, height), picture.getpixel((0, 0)))
        frame.paste(picture)
        made.append(frame)
    return made


if __name__ == "__main__":
    main()
