"""A guard's server: the page for people, the interface for agents' processes. Needs `duress[serve]`."""
