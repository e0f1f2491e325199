"""Mutation testing of the code that decides: behind scripts/mutants."""
