"""An attacker who plays every row of the catalogue against apps that run, and the app's owner who lends him keys."""
