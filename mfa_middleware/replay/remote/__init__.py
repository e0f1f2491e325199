"""`redis:` and `valkey:`, the stores of all hosts: one atomic step on a server that they share."""
