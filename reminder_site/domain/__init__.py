"""Rules of the house as pure functions: no database, no network, no clock, no web."""
