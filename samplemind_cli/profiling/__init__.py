"""Profiles the time and memory of any Python program; profiles are stored, compared and repeated."""
