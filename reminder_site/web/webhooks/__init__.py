"""Twilio's calls to us, each one signed."""
