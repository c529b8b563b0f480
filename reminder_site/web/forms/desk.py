"""The base of every form of a signed-in page: one that is only shown again is never taken."""

from typing import Any

from flask import g
from flask_wtf import FlaskForm


class DeskForm(FlaskForm):
    """A form that carries its clinic in its token (web/form_tokens.py) and can be shown again as it was sent."""

    def validate(self, extra_validators: Any = None) -> bool:
        """Check what was typed; a kept form that is only shown again is not right, whatever stands in it."""
        fine: bool = super().validate(extra_validators)
        return fine and not g.get("shown_again", False)
