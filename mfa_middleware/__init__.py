"""A second factor for machines, inside the application process."""
