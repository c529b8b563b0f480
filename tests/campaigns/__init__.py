"""Failure campaigns: the site's own processes against the sandbox, killed, paused, starved, and then held to account.

`make campaign` runs the long forms and writes docs/campaigns.md; tests/campaigns/test_*.py are the short forms.
"""
