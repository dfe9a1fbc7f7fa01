"""The player: a web component that steps through a Trace, and the HTML that it lives in."""

from vizgrad.player.html import assets, figure, notebook, served, standalone, whole

__all__ = ["assets", "figure", "notebook", "served", "standalone", "whole"]
