"""PyTorch -> Trace: the same record of a computation, forward and backward, for a model of your own.

One op of the Trace is one call that the program, or one of its modules, makes to PyTorch: ``F.linear(x, w, b)``,
``a + b``, ``x.view(2, 3)``. The call may make several autograd nodes (``F.cross_entropy`` makes a log-softmax and a
choice of entries). Those are the op's inside, and are not shown: what comes to the op from behind is the gradient that
reaches the nodes of its results, and what it sends along an edge is what its nodes send out to one of its inputs. So an
op has the inputs and outputs that the program sees, and its gradients are PyTorch's own.

What was computed before the recording began, or in C++ and in an own ``torch.autograd.Function``, is known only by its
autograd nodes: there one op is one node, and values that PyTorch has not kept are nan.

Works with PyTorch 2.11 and newer. Without PyTorch, importing this package says what to install.
"""

from __future__ import annotations

from vizgrad import errors

try:
    import torch as torch
except ImportError as error:
    raise errors.torch_missing() from error

from vizgrad.torch_bridge.recorder import record_torch

__all__ = ["record_torch"]
