"""The one way out. See `mindbot.http.client`."""

from mindbot.http.answers import HttpResponse, HttpStream
from mindbot.http.attempt import Call
from mindbot.http.client import HttpClient

__all__ = ["Call", "HttpClient", "HttpResponse", "HttpStream"]
