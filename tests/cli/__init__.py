"""The mfa-middleware command, as its users meet it."""
