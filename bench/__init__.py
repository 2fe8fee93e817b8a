"""Benchmarks of Heliograph, compared with other systems and with the limits of the machine."""
