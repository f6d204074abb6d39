"""A client of Downlink's northbound interface."""

import atexit as _atexit

from . import _native

_atexit.register(_native.shut_down)
