"""What the firewall blocks, names, cannot see, and takes for an attack that is none."""
