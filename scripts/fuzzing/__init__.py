"""A coverage-guided fuzzer of the firewall's inspector."""
