"""Optional companions: each file needs an extra of its own and is imported only where it is used."""
