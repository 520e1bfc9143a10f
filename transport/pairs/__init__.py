"""The universe of both venues' markets and the pairs that a person has judged, in one file of this home."""
