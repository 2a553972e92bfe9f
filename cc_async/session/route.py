"""What every request of one interface with one credential has in common."""

from __future__ import annotations

from typing import Any

from cc_async.contract.spec import Endpoint
from cc_async.session.auth import Auth
from cc_async.session.locks import Credential, credential_key, interface_key
from cc_async.session.probation import Key


class Route:
    """An interface of a host and who asks there, with the keys both are known by; made once, used by all."""

    __slots__ = ("at_interface", "auth", "credential", "endpoint", "learning", "shape", "trusted", "whole")

    def __init__(self, host: str, endpoint: Endpoint[Any], auth: Auth, client: int) -> None:
        self.endpoint = endpoint
        self.auth = auth
        self.credential: Credential = (host, auth.identity)
        """Host and identity."""
        self.whole = credential_key(self.credential)
        """Probation key of the credential."""
        self.at_interface = interface_key(self.credential, endpoint.name)
        """Probation key of the credential at this interface."""
        named = "*" if endpoint.record is object else endpoint.name
        self.shape: Key = ("shape", host, named, str(client))
        """Probation key of the shape this host wants requests in; each client learns it for itself.

        Raw calls have one in common: all they learn is the habit of the host.
        """
        self.trusted = (self.at_interface,)
        """What counts as proven until somebody doubts it."""
        self.learning = {False: (self.whole,), True: (self.whole, self.shape)}
        """What has to be proven first, while the shape is known and while it is not."""
