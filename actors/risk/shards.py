"""On which shard of a platform each market is, by the newest word: its cash alone pays for what is bought there."""

from __future__ import annotations

from actors.risk.terms import Account, Terms
from protocol.terms import Platform


class Shards:
    """What was told of markets, over what the pairs file says. A market may move: what is told last holds."""

    def __init__(self) -> None:
        """Nothing told yet."""
        self._told: dict[tuple[Platform, str], str] = {}

    def tell(self, platform: Platform, market: str, shard: str) -> bool:
        """The market is on this shard now; False where that is no news."""
        if not (market and shard) or self._told.get((platform, market)) == shard:
            return False
        self._told[platform, market] = shard
        return True

    def told(self, platform: Platform, market: str) -> str | None:
        """The shard that was told last."""
        return self._told.get((platform, market))

    def account(self, terms: Terms) -> Account:
        """Whose cash pays; without a shard's name where nobody has said which one it is."""
        platform, shard = terms.account
        return Account(platform, self._told.get((platform, terms.market), shard))
