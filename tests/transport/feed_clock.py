"""A clock that jumps: sleeping takes no time, and the time still passes."""

from __future__ import annotations

from collections.abc import Generator


class _Turn:
    """Awaited, it lets everything else that is ready run once."""

    def __await__(self) -> Generator[None, None, None]:
        yield


class JumpingClock:
    """``sleeps`` lists what was asked for, ``at`` the monotonic time, which tests may move themselves."""

    def __init__(self, unix_us: int = 1_800_000_000_000_000) -> None:
        self.at = 5_000
        self.offset = unix_us - self.at
        self.sleeps: list[int] = []

    def unix_us(self) -> int:
        return self.offset + self.at

    def mono_us(self) -> int:
        return self.at

    async def sleep_us(self, us: int) -> None:
        self.sleeps.append(us)
        self.at += max(0, us)
        await _Turn()
