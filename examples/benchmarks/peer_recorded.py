"""vizgrad while everything it does is recorded."""

from __future__ import annotations

import peer_vizgrad

import vizgrad as vg


class MLP(peer_vizgrad.MLP):
    """The same step, and a Trace of it."""

    def step(self, number):
        with vg.record():
            return super().step(number)
