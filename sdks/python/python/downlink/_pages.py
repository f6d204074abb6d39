"""Lists that come page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Generic, Optional, TypeVar

T = TypeVar("T")


class _Reading(Generic[T]):
    """Where the reading of a list stands."""

    def __init__(self, listed: Callable[[Any], list[T]], identity: Callable[[T], object], size: int):
        if size < 1:
            raise ValueError("page_size: 1 at least")
        self._listed, self._identity, self._size = listed, identity, size
        self._seen: set[object] = set()
        self.number: Optional[int] = 0

    def take(self, answer: Any) -> list[T]:
        """What is new in a page, once that has come."""
        items = self._listed(answer)
        # What is created meanwhile moves the rest on, into the next page.
        fresh = [item for item in items if self._identity(item) not in self._seen]
        self._seen = {self._identity(item) for item in items}
        assert self.number is not None
        self.number = self.number + 1 if len(items) >= self._size else None
        return fresh


class Pager(Generic[T]):
    """Goes through a list, from its first page to its last. After an error the same page is asked for again."""

    def __init__(
        self, ask: Callable[[int], Any], listed: Callable[[Any], list[T]], identity: Callable[[T], object], size: int
    ):
        self._ask = ask
        self._reading = _Reading(listed, identity, size)
        self._page: list[T] = []

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        while not self._page:
            page = self.next_page()
            if page is None:
                raise StopIteration
            self._page = page
        return self._page.pop(0)

    def next_page(self) -> Optional[list[T]]:
        """The next page; None after the last one."""
        number = self._reading.number
        return None if number is None else self._reading.take(self._ask(number))


class AsyncPager(Generic[T]):
    """Goes through a list, from its first page to its last. After an error the same page is asked for again."""

    def __init__(
        self,
        ask: Callable[[int], Awaitable[Any]],
        listed: Callable[[Any], list[T]],
        identity: Callable[[T], object],
        size: int,
    ):
        self._ask = ask
        self._reading = _Reading(listed, identity, size)
        self._page: list[T] = []

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        while not self._page:
            page = await self.next_page()
            if page is None:
                raise StopAsyncIteration
            self._page = page
        return self._page.pop(0)

    async def next_page(self) -> Optional[list[T]]:
        """The next page; None after the last one."""
        number = self._reading.number
        return None if number is None else self._reading.take(await self._ask(number))
