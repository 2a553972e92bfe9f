"""WHAT the servers promise: values, no behaviour, no I/O."""
