"""Writes: one public function per thing somebody does; each opens its own transaction and never calls another."""
