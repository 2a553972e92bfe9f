"""What the library claims about its speed, measured: ``python -m benchmarks`` prints the table."""
