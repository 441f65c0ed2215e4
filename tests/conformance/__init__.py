"""One suite of faults, run against the real SDK behind every adapter: nothing runs that should not have."""
