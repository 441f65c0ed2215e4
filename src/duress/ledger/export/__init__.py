"""The ledger in other forms: JSON lines that can be verified, and OpenTelemetry spans."""
