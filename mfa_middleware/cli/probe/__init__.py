"""Plays the catalogue against a running app: which tricks get through, which are blocked, which are named."""
