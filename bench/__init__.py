"""The figures of `make bench`, each beside a floor measured in the same run."""
