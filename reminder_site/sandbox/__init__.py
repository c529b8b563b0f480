"""A Twilio-compatible server and a phone simulator, in a process of its own.

Owns everything that pretends to be Twilio or a patient's phone; knows nothing of the site and
speaks with it by HTTP alone.
"""
