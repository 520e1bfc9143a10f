"""Which markets of two venues are the same question: listings, facts, candidates, judgement. Pure."""
