"""Outputs: downloaded from providers, validated, and stored."""
