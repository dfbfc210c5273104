"""What a bucket's refusals mean, and which setting mends them.

Source: "Error responses" (Amazon S3 API Reference); other services use the same codes.
"""

from __future__ import annotations

import re

from mindbot.domain.errors import StoreError

_CODE = re.compile(r"<Code>\s*(\w+)\s*</Code>")
_CERTIFICATE = "InvalidCertificate("  # the TLS library's name for one that is not trusted
_METADATA_SERVICE = "169.254.169.254"  # asked for credentials where none are configured

_MENDS = {
    "InvalidAccessKeyId": ("the access key is unknown", "check media.access_key"),
    "SignatureDoesNotMatch": ("the secret key is wrong", "check media.secret_key"),
    "InvalidToken": ("the session token is wrong", "check the environment's AWS_SESSION_TOKEN"),
    "ExpiredToken": ("the session token has ended", "renew the environment's credentials"),
    "AccessDenied": (
        "access is denied",
        "check media.access_key and media.secret_key; the key needs s3:GetObject, PutObject, DeleteObject "
        "and ListBucket",
    ),
    "NoSuchBucket": ("there is no such bucket", "check media.bucket, and create it"),
    "InvalidBucketName": ("that is no bucket's name", "check media.bucket"),
    "PermanentRedirect": ("the bucket is elsewhere", "check media.region and media.endpoint"),
    "AuthorizationHeaderMalformed": ("the region is wrong", "check media.region"),
    "RequestTimeTooSkewed": ("this machine's clock is wrong", "synchronise it"),
    "SlowDown": ("the bucket is busy", "it is asked again"),
    "QuotaExceeded": ("the bucket is full", "delete something, or raise its quota"),
    "XMinioStorageFull": ("the bucket's disk is full", "free some space there"),
}


def error_for(error: Exception, bucket: str) -> StoreError:
    """Return the error for people; the original's text may hold addresses and request details."""
    text = str(error)
    found = _CODE.search(text)
    code = found[1] if found else _code_without_body(error, text)
    says, hint = _MENDS.get(code, ("", ""))
    if says:
        return StoreError(f"media: bucket {bucket}: {says} ({code})", hint=hint)
    if _CERTIFICATE in text:
        hint = (
            "a company's own authority: name its certificate in http.ca_file; is this machine's clock right?"
        )
        return StoreError(f"media: bucket {bucket}: its certificate is not trusted", hint=hint)
    if _METADATA_SERVICE in text:
        what = "there are no credentials"
        return StoreError(f"media: bucket {bucket}: {what}", hint="set media.access_key and media.secret_key")
    if status := re.search(r"status code: (\d{3})", text):
        return StoreError(
            f"media: bucket {bucket}: HTTP {status[1]} {code}".rstrip(), hint="it is asked again"
        )
    if code:
        return StoreError(f"media: bucket {bucket}: {code}", hint="it is asked again")
    hint = "is media.endpoint right, and reachable from here?"
    return StoreError(f"media: bucket {bucket} cannot be asked ({type(error).__name__})", hint=hint)


def _code_without_body(error: Exception, text: str) -> str:
    """Answers to HEAD have no body: the kind of error is all there is."""
    if type(error).__name__ in ("PermissionDeniedError", "UnauthenticatedError"):
        return "AccessDenied"
    return "NoSuchBucket" if isinstance(error, FileNotFoundError) else ""
