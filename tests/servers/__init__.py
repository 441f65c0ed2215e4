"""Local model servers: real sockets, real protocols, scripted replies."""
