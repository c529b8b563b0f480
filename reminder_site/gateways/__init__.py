"""The outside world: Twilio and the queue."""
