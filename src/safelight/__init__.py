"""Safelight: take, keep, use and share images of patients."""

__version__ = "0.1.0"
