"""The synthetic sample of the 2025 cycle: see README.md beside this file."""

from config.sample.generator import write_sample

__all__ = ["write_sample"]
