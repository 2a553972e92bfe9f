"""Sites: where the servers are and how to speak to them, from arguments, the environment or a TOML file."""

from cc_async.settings.file import parse_guids, read_guids
from cc_async.settings.keys import parse_quota
from cc_async.settings.site import ENVIRONMENT, Site, config_path, from_env, from_site, load

__all__ = [
    "ENVIRONMENT",
    "Site",
    "config_path",
    "from_env",
    "from_site",
    "load",
    "parse_guids",
    "parse_quota",
    "read_guids",
]
