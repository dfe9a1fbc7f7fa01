"""All operations: each is a forward, a backward, and the rule that says why the backward is right.

A family of ops is a file here, which lists its ops in ``__all__``; nobody else needs to.
"""

from vizgrad.ops import (
    arithmetic,
    convolution,
    elementwise,
    embedding,
    indexing,
    linear,
    loss,
    normalise,
    pooling,
    reduce,
    regularise,
    shape,
)
from vizgrad.ops.arithmetic import *
from vizgrad.ops.convolution import *
from vizgrad.ops.elementwise import *
from vizgrad.ops.embedding import *
from vizgrad.ops.indexing import *
from vizgrad.ops.linear import *
from vizgrad.ops.loss import *
from vizgrad.ops.normalise import *
from vizgrad.ops.pooling import *
from vizgrad.ops.reduce import *
from vizgrad.ops.regularise import *
from vizgrad.ops.shape import *

__all__ = []
__all__ += arithmetic.__all__
__all__ += convolution.__all__
__all__ += elementwise.__all__
__all__ += embedding.__all__
__all__ += indexing.__all__
__all__ += linear.__all__
__all__ += loss.__all__
__all__ += normalise.__all__
__all__ += pooling.__all__
__all__ += reduce.__all__
__all__ += regularise.__all__
__all__ += shape.__all__
