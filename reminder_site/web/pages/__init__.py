"""One file of pages per noun."""
