"""Take the picture at the top of the README from the built site: the figure of the home page, as it opens.

nox -s picture
"""

from __future__ import annotations

import functools
import http.server
import os
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_: object) -> None:
        """A picture is wanted, not a protocol."""


def main() -> None:
    """Open the home page in Chromium and photograph its figure."""
    handler = functools.partial(Quiet, directory=str(ROOT / "site"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM") or None, args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": 1180, "height": 900},
            device_scale_factor=2,
            color_scheme="light",
            reduced_motion="reduce",
        )
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        figure = page.locator("vg-player[ready]").first
        figure.wait_for()
        page.evaluate("document.fonts.ready")
        figure.screenshot(path=ROOT / "docs/assets/figure.png", animations="disabled")
        browser.close()
    server.shutdown()


if __name__ == "__main__":
    main()
