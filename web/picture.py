"""Take the picture at the top of the README from the built site: the figure of the home page, as it opens.

nox -s picture
"""

from __future__ import annotations

from browse import ROOT, opened_site


def main() -> None:
    """Open the home page in Chromium and photograph its figure."""
    with opened_site() as (browser, address):
        page = browser.new_page(
            viewport={"width": 1180, "height": 900},
            device_scale_factor=2,
            color_scheme="light",
            reduced_motion="reduce",
        )
        page.goto(address)
        figure = page.locator("vg-player[ready]").first
        figure.wait_for()
        page.evaluate("document.fonts.ready")
        figure.screenshot(path=ROOT / "docs/assets/figure.png", animations="disabled")


if __name__ == "__main__":
    main()
