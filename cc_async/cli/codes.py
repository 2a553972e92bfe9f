"""Exit codes of the command."""

FINE = 0
NOTHING = 1
"""Nothing worked."""
USAGE = 2
"""The command or the configuration is wrong."""
PARTIAL = 3
"""Some of it failed; what arrived was shown."""
INTERRUPTED = 130
"""Ctrl-C."""
