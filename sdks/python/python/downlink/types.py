"""Words and objects of the contract, out of openapi.json. All of them are in `downlink` too."""

from ._data import Data, Json, Word
from ._generated import types as _generated
from ._generated.types import *

__all__ = ["Data", "Json", "Word"]
__all__ += _generated.__all__
