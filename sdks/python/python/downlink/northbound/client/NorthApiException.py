"""Refusals as exceptions, for services that are made with `raise_errors=True`."""

from __future__ import annotations

from typing import Optional


class NorthApiException(Exception):
    """The platform refused a call. It is raised by services that were made with `raise_errors=True`; the others return the refusal's text."""

    def __init__(
        self,
        message: str,
        error_code: Optional[str] = None,
        error_desc: Optional[str] = None,
        httpStatusCode: Optional[int] = None,
        httpMessage: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        """The refusal in one line."""
        self.error_code = error_code
        """The code, such as `100418`; see `docs/errors/`."""
        self.error_desc = error_desc
        """The code's text, verbatim from the contract's table."""
        self.httpStatusCode = httpStatusCode
        """The HTTP status, which the contract leaves at 200 for many refusals."""
        self.httpMessage = httpMessage
        """The whole refusal as it came: JSON."""

    @property
    def code(self) -> Optional[str]:
        """The code, under the name that exceptions of `downlink` have it."""
        return self.error_code

    def getError_code(self) -> Optional[str]:
        """The code, such as `100418`."""
        return self.error_code

    def getError_desc(self) -> Optional[str]:
        """The code's text."""
        return self.error_desc

    def getHttpStatusCode(self) -> Optional[int]:
        """The HTTP status."""
        return self.httpStatusCode

    def getHttpMessage(self) -> str:
        """The whole refusal: JSON."""
        return self.httpMessage
