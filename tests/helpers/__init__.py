"""What tests of more than one part of the package share."""
