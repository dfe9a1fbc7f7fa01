"""Several processes that share the runs of an experiment: torchrun starts them, and says which is which."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

T = TypeVar("T")
PATIENCE = timedelta(days=7)  # one process may have to wait for the long runs of another


class Sweep:
    """The processes of a sweep, as one of them sees it; without torchrun, it is the only one.

    Attributes:
        rank: which one this is, from 0.
        size: how many there are.
    """

    def __init__(self) -> None:
        self.rank, self.size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))

    def __enter__(self) -> Sweep:
        if self.size > 1:
            from torch import distributed

            distributed.init_process_group("gloo", timeout=PATIENCE)
        return self

    def __exit__(self, *_: Any) -> None:
        if self.size > 1:
            from torch import distributed

            distributed.destroy_process_group()

    def mine(self, jobs: Sequence[T]) -> Sequence[T]:
        """The share of this process."""
        return jobs[self.rank :: self.size]

    def wait(self) -> None:
        """Wait until all processes have come here."""
        if self.size > 1:
            from torch import distributed

            distributed.barrier()

    @contextmanager
    def first_alone(self) -> Iterator[None]:
        """What the first process does before the others do it, so that they find its files."""
        if self.rank:
            self.wait()
        yield
        if not self.rank:
            self.wait()
