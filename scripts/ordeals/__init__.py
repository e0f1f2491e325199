"""Attempts to have one proof accepted twice: races, kills, restarts, slow bodies, floods and outages."""
