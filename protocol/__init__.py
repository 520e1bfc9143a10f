"""The words both ends share: units, terms, wire messages, codec, outcomes. Imports nothing of ours."""
