"""Where the controller is: a configured URL, else what the beacon says."""

from __future__ import annotations

import asyncio


class Discovery:
    """Implements ``DiscoveryPort``, and gives the link client its next URL."""

    def __init__(self, url: str | None) -> None:
        """``url``: the configured one, which leaves nothing to discover."""
        self._configured = url
        self._heard: str | None = url
        self._news = asyncio.Event()
        if url is not None:
            self._news.set()

    def found(self, url: str, how: str) -> None:  # noqa: ARG002 -- said in the log by whoever heard it
        """A controller announced itself."""
        if self._configured is None:
            self._heard = url
            self._news.set()

    async def next_url(self) -> str:
        """The URL to try now. After each use a beacon must be heard again: a controller may have moved."""
        await self._news.wait()
        if self._configured is None:
            self._news.clear()
        if self._heard is None:
            raise RuntimeError("there is news of a controller, but no URL")
        return self._heard
