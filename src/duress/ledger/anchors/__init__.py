"""Where checkpoints are kept apart from the ledger: files, git repositories, time-stamping servers."""
