"""A client of Downlink's northbound interface: commands for devices that may be asleep.

`Client` blocks, `AsyncClient` is for asyncio; both have a method for each operation of the contract. `downlink.webhook` takes callbacks.
`downlink.northbound` has the classes that applications know from the vendor's SDK. docs/sdk-python.md has a start in five minutes.
"""

import atexit as _atexit

from . import _native, errors, types
from ._call import Reply
from ._data import Data, Json, Word
from ._generated import types as _types
from ._generated.codes import ErrorCode, Facts
from ._generated.types import *
from ._pages import AsyncPager, Pager
from ._settings import Retry
from .aio import AsyncClient
from .client import Client
from .errors import *

__all__ = ["AsyncClient", "AsyncPager", "Client", "Data", "ErrorCode", "Facts", "Json", "Pager", "Reply", "Retry", "Word"]
__all__ += errors.__all__
__all__ += _types.__all__

# Nothing may call into an interpreter that is ending.
_atexit.register(_native.shut_down)
