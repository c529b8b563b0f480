"""One file of forms per noun."""
