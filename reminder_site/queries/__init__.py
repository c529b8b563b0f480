"""Reads: each function is one question a page asks. They change nothing."""
