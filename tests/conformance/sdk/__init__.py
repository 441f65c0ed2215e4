"""What only one SDK has: run in that SDK's environment by `make conformance`, skipped elsewhere."""
