"""One folder a venue; each maps the venue's words to ours."""
