"""The invariants by name. The numbers are those of the design's section 8; the others were found on the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

INVARIANTS: Final[Mapping[str, str]] = {
    "1 once": "at most one venue order per leg id, ever",
    "proven": "a result that is recorded as proven is what the venue has, or had",
    "2 fills agree": "at rest the ledger's fills, cost and fees of each leg are the venue's",
    "3 flat or known": "unhedged contracts stay within the cap, and at rest are zero or flagged",
    "4 limits": "what is at stake is never above a limit, counting what is in flight",
    "cash": "no order needs more than its venue has, where the controller was told what there is",
    "6 halt": "nothing leaves after a halt was acknowledged",
    "5 dry": "in a dry run the venue sees no order",
    "7 money": "profit and loss of the ledger is that of the venue's fills and fees",
    "8 rebuilt": "rebuilding from ledger and journal gives the state that the process has",
    "intent first": "an order's intent is durable before the venue sees it",
    "outcome first": "an outcome is durable in the journal before it is told",
    "ack after durable": "a result is acked only when the ledger has it durably",
    "deadline": "no order leaves after its deadline",
    "latched": "no opening order leaves while another trade of the pair has a leg that is not proven",
    "fresh books": "no opening order leaves on a book that is known to be stale",
    "nothing sold short": "nothing is sold that is not held",
    "recorded once": "a result is recorded once per leg and revision",
    "no conflict": "the ledger never has to refuse a fact",
    "all proven": "at rest every leg is proven and every result acked",
    "closed": "at rest nothing is naked that could be closed within the loss allowed",
    "alive": "at rest the system trades again",
    "no bug": "no actor fails",
    "own limits": "no order leaves a trader that is beyond its own limits, whoever asks",
    "own halt": "nothing leaves a trader that its own operator has halted, whatever a controller says",
    "foreign": "nothing that another controller ordered becomes a leg of this one's trades",
}
