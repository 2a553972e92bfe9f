"""What an agent signs in with, struck out of whatever the server says."""

from __future__ import annotations

from cc_async.errors import ApiError, CcError
from cc_async.session.secret import without_guids


def struck(text: str, secrets: tuple[str, ...]) -> str:
    """The text without GUIDs and the secrets, the longest first."""
    text = without_guids(text)
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def harmless(error: CcError, secrets: tuple[str, ...]) -> CcError:
    """The error without what the agent signs in with, should the server have repeated it."""
    error.args = tuple(struck(each, secrets) if isinstance(each, str) else each for each in error.args)
    if isinstance(error, ApiError):
        error.text = struck(error.text, secrets)
    return error
