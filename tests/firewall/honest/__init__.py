"""Honest tokens by the libraries that most people use, with everything in them that is unusual and legal."""
