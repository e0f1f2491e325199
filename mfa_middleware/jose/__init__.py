"""Strict compact JWS: parser, keys and thumbprints, algorithms and verification."""
