"""Rejects requests from other websites and machines, and sets security headers."""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_NO_CACHE = "no-store"
COOKIE = "chromahint-studio"
PERSON_COOKIE = "chromahint-person"
_PERSON_BYTES = 18
_PERSON_SECONDS = 365 * 24 * 3600


class SecurityMiddleware:
    """Accepts only requests that come from the page itself. The connections of all others are closed.

    Args:
        app: the application to protect.
        token: secret that a browser must present once; it is then kept in a cookie. If None, the page is only for this
            machine, and the host name in a request must be that of this machine (against DNS rebinding).
        guest_token: the same for other people, each of whom has a project of their own; see `person_of`.
    """

    def __init__(self, app: ASGIApp, token: str | None, guest_token: str | None = None) -> None:
        self.app = app
        self.token = token
        self.guest_token = guest_token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to the application, or reject it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("cache-control", _NO_CACHE)
            await send(message)

        rejection = self._reject(scope)
        if rejection is not None and rejection.status_code == 403:
            rejection.headers["connection"] = "close"
        await (rejection or self.app)(scope, receive, send_with_headers)

    def _reject(self, scope: Scope) -> Response | None:
        """Return the response to a request that is not allowed, else None."""
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if self.token is None and not _is_this_machine(host):
            return PlainTextResponse("This page is only available on the machine that runs the studio.\n", 403)
        is_cross_site = headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        if (origin is not None and origin != f"http://{host}") or (is_cross_site and scope["method"] != "GET"):
            return PlainTextResponse("Requests from other websites are not allowed.\n", 403)
        if self.token is None:
            return None
        presented = _cookie(headers, COOKIE)
        person = _cookie(headers, PERSON_COOKIE)
        if self._is_guest_token(presented) and _is_person(person):
            scope["person"] = person
            return None
        return None if self._is_token(presented) else self._set_token_cookie(scope, headers)

    def _set_token_cookie(self, scope: Scope, headers: Headers) -> Response:
        """Move the token from the address to a cookie. Guests get another one, which tells them apart."""
        presented = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        is_guest = self._is_guest_token(presented)
        if scope["method"] != "GET" or scope["path"] != "/" or not (is_guest or self._is_token(presented)):
            return _refusal()
        response = RedirectResponse("/", 303)
        response.set_cookie(COOKIE, presented, httponly=True, samesite="lax")  # lax: links in messages work too
        if is_guest:
            person = _cookie(headers, PERSON_COOKIE)
            person = person if _is_person(person) else secrets.token_urlsafe(_PERSON_BYTES)
            response.set_cookie(PERSON_COOKIE, person, max_age=_PERSON_SECONDS, httponly=True, samesite="lax")
        return response

    def _is_token(self, presented: str) -> bool:
        return self.token is not None and hmac.compare_digest(presented.encode(), self.token.encode())

    def _is_guest_token(self, presented: str) -> bool:
        return self.guest_token is not None and hmac.compare_digest(presented.encode(), self.guest_token.encode())


def person_of(request: Request) -> str:
    """Return the secret that tells a guest from others; empty for the person who runs the studio."""
    person: str = request.scope.get("person", "")
    return person


def _cookie(headers: Headers, name: str) -> str:
    cookies: SimpleCookie = SimpleCookie()
    try:
        cookies.load(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[name].value if name in cookies else ""


def _is_person(text: str) -> bool:
    return re.fullmatch("[A-Za-z0-9_-]{24}", text) is not None


def _refusal() -> Response:
    return PlainTextResponse("Open the address that the studio printed, including its token.\n", 403)


def _is_this_machine(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
