"""What holds for every book of one platform at once, so that losing a feed costs one assignment, not a loop."""

from __future__ import annotations

from protocol.terms import Platform


class FeedState:
    """Shared by all books of ``platform``, which read through it.

    ``epoch`` counts the times that every book was lost: a book holds the epoch of its last snapshot and is usable
    only in it. ``silent`` is set while the feed has said nothing for too long; books keep what they know.
    """

    __slots__ = ("epoch", "platform", "silent")

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.epoch = 0
        self.silent = False
