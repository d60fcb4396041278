"""Who may ask, and how much: other pages, other machines and endless requests are turned away at the door."""

from __future__ import annotations

import hmac
import ipaddress
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
COOKIE = "chromahint-studio"


class SecurityMiddleware:
    """Lets in only what comes from the page itself.

    Args:
        app: what is guarded.
        token: what a browser must have brought once; None for a page that only this machine reaches, where the name
            that the browser asked for must be this machine's, whatever a name server says.
    """

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self.app = app
        self.token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self.app)(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if self.token is None and not _is_this_machine(host):
            return PlainTextResponse("this page is for this machine only\n", 403)
        if origin is not None and origin != f"http://{host}":
            return PlainTextResponse("another page may not ask\n", 403)
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and scope["method"] != "GET":
            return PlainTextResponse("another page may not ask\n", 403)
        if self.token is not None and not self._is_known(headers):
            return self._set_token_cookie(scope)
        return None

    def _is_known(self, headers: Headers) -> bool:
        cookies: SimpleCookie = SimpleCookie()
        try:
            cookies.load(headers.get("cookie", ""))
        except CookieError:
            return False
        return COOKIE in cookies and self._fits(cookies[COOKIE].value)

    def _set_token_cookie(self, scope: Scope) -> Response:
        """Keep the token as a cookie, and take it out of the address."""
        brought = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if scope["method"] != "GET" or scope["path"] != "/" or not self._fits(brought):
            return PlainTextResponse("open the address that the studio has printed, with its token\n", 403)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(COOKIE, brought, httponly=True, samesite="lax")  # a link in a message is followed as well
        return answer

    def _fits(self, brought: str) -> bool:
        assert self.token is not None
        return hmac.compare_digest(brought.encode(), self.token.encode())


def _is_this_machine(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
