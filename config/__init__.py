"""Settings from flags, environment, file and defaults, in one model; and where files live."""
