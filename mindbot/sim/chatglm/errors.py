"""The refusals of Zhipu's (bigmodel, Z.ai) API v4: ``code`` is a string of digits.

Source: "Errors" (docs.z.ai, /api-reference/api-code); the sentences are the pages' English ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from mindbot.domain.message import Json
from mindbot.sim.models.refusals import ModelApiError, RefusalTable

#: code → (HTTP status, sentence).
CODES: Mapping[str, tuple[int, str]] = {
    "435": (435, "File size exceeds 100MB"),
    "500": (500, "Internal Error"),
    "1000": (401, "Authentication Failed"),
    "1001": (401, "Authentication parameter not received in Header, unable to authenticate"),
    "1002": (401, "Invalid Authentication Token, please confirm the correct transmission"),
    "1003": (401, "Authentication Token expired, please regenerate/obtain"),
    "1004": (401, "Authentication failed with the provided Authentication Token"),
    "1110": (429, "Your account is currently inactive. Please check your account information"),
    "1111": (429, "Your account does not exist"),
    "1112": (429, "Your account has been locked, please contact customer service to unlock"),
    "1113": (429, "Your account is in arrears, please recharge and try again"),
    "1120": (429, "Unable to successfully access your account, please try again later"),
    "1121": (429, "Your account has irregular activities and has been locked"),
    "1210": (400, "Incorrect API call parameters, please check the documentation"),
    "1211": (400, "Model does not exist, please check the model code"),
    "1212": (404, "Current model does not support the requested call method"),
    "1213": (400, "The messages parameter was not properly received"),
    "1214": (400, "Invalid parameter. Please check the documentation"),
    "1215": (400, "Parameters cannot be set simultaneously, please check the documentation"),
    "1220": (403, "You do not have permission to access this API"),
    "1221": (434, "This API has been taken offline"),
    "1222": (403, "This API does not exist"),
    "1230": (500, "API call process error"),
    "1231": (400, "You already have a request with this request_id"),
    "1234": (500, "Network error, please contact customer service"),
    "1261": (400, "Prompt exceeds max length"),
    "1300": (400, "API call blocked by policy"),
    "1301": (400, "System detected potentially unsafe or sensitive content in input or generation"),
    "1302": (
        429,
        "High concurrency usage of this API, please reduce concurrency or contact customer service",
    ),
    "1303": (429, "High frequency usage of this API, please reduce frequency or contact customer service"),
    "1304": (429, "Daily call limit for this API reached"),
    "1305": (429, "The service may be temporarily overloaded, please try again later"),
    "1308": (429, "Usage limit reached for 5 hours. Your limit will reset at 2099-01-01 00:00:00"),
    "1309": (429, "Your GLM Coding Plan package has expired, please renew"),
    "1310": (429, "Weekly/Monthly Limit Exhausted. Your limit will reset at 2099-01-01 00:00:00"),
}
#: HTTP status → the code that usually comes with it.
USUAL: Mapping[int, str] = {
    400: "1210",
    401: "1002",
    403: "1220",
    404: "1212",
    429: "1302",
    434: "1221",
    435: "435",
    500: "500",
}
_FILTERED = ("1300", "1301")


def coded(code: str, sentence: str = "") -> Json:
    """Return the body of a code; a content filter tells whose words it took offence at."""
    words = sentence or CODES.get(code, (0, "Said so."))[1]
    body: Json = {"error": {"code": code, "message": words}}
    if code in _FILTERED:
        body["contentFilter"] = [{"role": "user", "level": 1}]
    return body


def worded(status: int, code: str = "") -> Json:
    """Return the body that comes with a status, or with a code."""
    return coded(code or USUAL.get(status, "500"))


def refused(code: str, sentence: str = "") -> ModelApiError:
    """Return the refusal of a code, in its own words or others."""
    return ModelApiError(CODES[code][0], coded(code, sentence))


def _made(code: str, _now: float) -> ModelApiError:
    return refused(code)


#: All refusals; their codes are their names.
REFUSALS: RefusalTable = {code: partial(_made, code) for code in CODES}
#: Those whose names are no HTTP status as well.
NAMED: RefusalTable = {code: made for code, made in REFUSALS.items() if len(code) > 3}
