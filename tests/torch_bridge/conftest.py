"""The page of the player's tests."""

from tests.player.conftest import new_page, show

__all__ = ["new_page", "show"]
