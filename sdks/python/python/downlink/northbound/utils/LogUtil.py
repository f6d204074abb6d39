"""A log file, for those who ask for one."""

from __future__ import annotations

import logging
import os
from logging.handlers import RotatingFileHandler
from typing import Optional

from downlink.northbound.constant.Constant import Constant

_FORMAT = "%(asctime)s  [%(levelname)s]:  %(funcName)s  %(message)s"
_DATES = "%Y-%m-%d %A %H:%M:%S"


class Log:
    """Configures the root logger to write to a file. Nothing is configured unless this is called."""

    def setLogConfig(
        self,
        logPath: Optional[str] = "",
        level: int = logging.DEBUG,
        logFilename: str = "python_sdk.log",
    ) -> None:
        """Lets the root logger write everything from `level` on into a file of at most 512 KiB, of which 20 older ones are kept.

        :param logPath: the folder, made if it is missing; by default `log/` under `Constant.workPath`, and with None that path itself.
        :param level: one of the levels of `logging`; 0 does nothing.
        :param logFilename: the file's name. Called again for the same file, only the level changes.

        This package logs neither tokens nor secrets, at any level.
        """
        if level == 0:
            return
        folder = Constant.workPath if logPath is None else logPath or os.path.join(Constant.workPath, "log")
        os.makedirs(folder, mode=0o755, exist_ok=True)
        path = os.path.abspath(os.path.join(folder, logFilename))
        root = logging.getLogger()
        root.setLevel(level)
        if any(isinstance(old, RotatingFileHandler) and old.baseFilename == path for old in root.handlers):
            return
        handler = RotatingFileHandler(path, maxBytes=512 * 1024, backupCount=20, encoding="utf-8")
        handler.setFormatter(logging.Formatter(_FORMAT, _DATES))
        root.addHandler(handler)
