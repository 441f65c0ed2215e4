"""Many trials: what is asked for, the plan, the run directory, running and resuming."""
