"""One test per number of the list of faults, on real sockets; ``table.py`` says which."""
