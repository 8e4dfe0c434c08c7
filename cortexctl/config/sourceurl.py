"""The URL of a source of rings in its parts, and what is wrong with them. No message repeats a secret.

What each scheme's parts mean is `cortexctl.config.source`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import unquote

from cortexctl.errors import UsageError
from cortexctl.ring.components import COMPONENTS

_SERVER = "[user:password@]host[:port][/prefix]"
FORMS: Mapping[str, str] = {
    "http": f"http://{_SERVER}",
    "https": f"https://{_SERVER}",
    "dns+http": f"dns+http://{_SERVER}",
    "dns+https": f"dns+https://{_SERVER}",
    "consul": "consul://[host[:8500]][?prefix=collectors/&tls=true]",
    "consul+https": "consul+https://[host[:8500]][?prefix=collectors/]",
    "etcd": "etcd://[user:password@]host[:2379][,host…][?prefix=collectors/&tls=true]",
    "etcd+https": "etcd+https://[user:password@]host[:2379][,host…][?prefix=collectors/]",
    "dynamodb": "dynamodb://region/table[?prefix=collectors/&endpoint=http://…&profile=…]",
    "file": "file:///path",
}
"""How a source of each scheme is written."""

_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?#?(?P<fragment>.*)",
    re.ASCII | re.DOTALL | re.IGNORECASE,
)
_SCHEME = re.compile(r"[A-Za-z0-9+.-]*")
_NO_PATH = re.compile(
    rf"[^/]*://|(?:{'|'.join(map(re.escape, FORMS))}):|(?:[^/]*@)?[\w.-]+:\d+(?:[/?#]|$)", re.ASCII | re.IGNORECASE
)
_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
_URL_PATH = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:/-]|%[0-9A-Fa-f]{2})*")
_REGION = re.compile(r"[A-Za-z0-9-]*")
_TABLE = re.compile(r"(?:arn:[A-Za-z0-9:-]+:table/)?[A-Za-z0-9._-]{3,255}")
_SECRET = re.compile(r"key|secret|token|password|passwd|credential|auth|acl", re.IGNORECASE)
_PARAMETER = re.compile(r"(?P<name>[?&][^?=&#]*=)[^&#]*")
_PAGES = sorted(
    {page for each in COMPONENTS.values() for page in (each.page, each.legacy_page) if page}, key=len, reverse=True
)


def split_source(text: str) -> "SourceURL | None":
    """Return the parts of a source's URL; None: the text is a path.

    Raises UsageError for what is neither, or of a scheme that is not in `FORMS`.
    """
    if not text or has_control(text):
        raise UsageError("a source is a URL or a path, not empty and without control characters")
    match = _URL.fullmatch(text)
    if not match and not looks_like_url(text):
        return None
    scheme = match["scheme"].lower() if match else ""
    if not match or scheme not in FORMS:
        raise UsageError(f"{redacted(text)}: not a source of rings: write {', '.join(FORMS.values())}, or ./path")
    url = SourceURL(text, scheme, match["authority"], match["path"], match["query"] or "")
    if match["fragment"]:
        raise url.error("has a #")
    return url


def looks_like_url(text: str) -> bool:
    """Return whether a text without scheme will not be meant as a path: `pod:8080`, `etcd:2379`."""
    return _NO_PATH.match(text) is not None


def redacted(text: str) -> str:
    """Return what was given as a source, or was meant to be one, without what may be a secret, for messages."""
    text = "".join(character if character.isprintable() else "\ufffd" for character in text)
    scheme, mark, rest = text.partition("://")
    if not mark or not _SCHEME.fullmatch(scheme):
        scheme, mark, rest = "", "", text
    if scheme.lower() == "file" or (not mark and text.startswith(("/", ".", "~"))):
        return text
    _, at, kept = rest.rpartition("@")
    if at and scheme.lower() not in FORMS:
        scheme = "…" if mark else ""  # a password may have :// in it
    # A secret with an @ of its own, or with a / that cuts the user info short: nothing can be told apart.
    if at and any(_SECRET.search(match["name"]) for match in _PARAMETER.finditer(rest.removesuffix(kept))):
        return f"{scheme}{mark}…"
    kept = _PARAMETER.sub(lambda match: match["name"] + "…" if _SECRET.search(match["name"]) else match[0], kept)
    return f"{scheme}{mark}{'…@' if at else ''}{kept}"


def address(text: str, port: int | None) -> str | None:
    """Return `host:port`, the host in lower case; `port` stands in for one that is not written. None: it is neither."""
    match = _ADDRESS.fullmatch(text)
    if not match or not 0 < int(match["port"] or 1) < 2**16:
        return None
    host = match["host"].lower()
    labels = host.removesuffix(".").split(".")
    try:
        if host.startswith("["):
            host = f"[{IPv6Address(host[1:-1])}]"
        elif labels[-1].isdecimal():
            host = str(IPv4Address(host))
    except ValueError:
        return None
    # Longer names make the resolver fail in ways of its own.
    if len(host) > 253 or not all(0 < len(label) < 64 for label in labels):
        return None
    port = int(match["port"]) if match["port"] else port
    return host if port is None else f"{host}:{port}"


@dataclass(frozen=True, slots=True)
class SourceURL:
    """A URL in its parts, as they are written."""

    text: str
    scheme: str
    authority: str
    path: str
    query: str

    def error(self, fault: str) -> UsageError:
        """Return the fault of the URL, to be raised."""
        return UsageError(f"{redacted(self.text)}: {fault}; write {FORMS[self.scheme]}")

    def user(self) -> tuple[str, str, str]:
        """Return user, password, and the authority without them."""
        info, _, hosts = self.authority.rpartition("@")
        if "@" in self.path + self.query:
            raise self.error("has an @ behind a / or ?: write %40, %2F and %3F in a password or path")
        user, _, password = info.partition(":")
        user, password = unquote(user), unquote(password)
        if not (user + password).isprintable():
            raise self.error("the user or password has characters that cannot be printed")
        return user, password, hosts

    def no_user(self, instead: str) -> str:
        """Return the authority, in which there must be no user."""
        if "@" in self.authority + self.path + self.query:
            raise self.error(f"takes no user or password: {instead}")
        return self.authority

    def no_path(self) -> None:
        """Raise UsageError when there is a path."""
        if self.path not in ("", "/"):
            raise self.error(f"has a path; the prefix of keys is ?prefix={self.path.strip('/')}/")

    def parameters(self, *known: str) -> dict[str, str]:
        """Return the parameters by name. Raises UsageError for any that is not known, and for one written twice."""
        given: dict[str, str] = {}
        for part in self.query.split("&") if self.query else ():
            name, _, value = part.partition("=")
            value = unquote(value)
            if name in known and name not in given and value.isprintable():
                given[name] = value
            elif _SECRET.search(name):
                raise self.error("takes no secrets as parameters: they come from the environment or --config.file")
            elif name in known:
                raise self.error(f"?{name}= is there twice, or cannot be printed")
            else:
                raise self.error(f"has no parameter {name!r}; known are: {', '.join(known) or 'none'}")
        return given

    def web_scheme(self, given: Mapping[str, str]) -> str:
        """Return http, or https where the scheme or `tls` says so."""
        tls = given.get("tls", "true" if self.scheme.endswith("+https") else "false")
        if tls not in ("true", "false") or (tls == "false" and self.scheme.endswith("+https")):
            raise self.error(f"?tls={tls}: write true" + ("" if self.scheme.endswith("+https") else " or false"))
        return "https" if tls == "true" else "http"


def is_web_path(path: str) -> bool:
    """Return whether a path can go into a URL as it is."""
    return _URL_PATH.fullmatch(path) is not None


def without_page(path: str) -> str:
    """Return the path prefix of a process's URLs: a path without any ring page, and slash, at its end."""
    path = path.rstrip("/")
    while page := next((page for page in _PAGES if path.endswith(page)), ""):
        path = path.removesuffix(page).rstrip("/")
    return path


def table_fault(region: str, table: str) -> str:
    """Return what is wrong with the names of a region and a DynamoDB table; "" if nothing is."""
    if not _REGION.fullmatch(region):
        return f"{region!r} is not a region"
    if not table:
        return "names no table"
    if len(table) < 3:
        return f"{table!r} is too short for a table: DynamoDB's names have 3 characters or more"
    return "" if _TABLE.fullmatch(table) else f"{table!r} is not the name of a table"


def is_server_url(text: str) -> bool:
    """Return whether a text is the URL of a web server, without user, query and fragment."""
    match = _URL.fullmatch(text)
    return (
        match is not None
        and match["scheme"].lower() in ("http", "https")
        and address(match["authority"], None) is not None
        and is_web_path(match["path"])
        and match.end("path") == len(text)
    )


def has_control(text: str) -> bool:
    """Return whether a text has control characters, which neither URLs nor our messages have."""
    return any(ord(character) < 32 or character == "\x7f" for character in text)
