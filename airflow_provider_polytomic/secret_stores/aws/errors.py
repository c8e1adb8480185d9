"""Errors of AWS and its client, translated by code and type; AWS's messages are not repeated, except refusals."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from botocore import exceptions as boto_errors
from botocore.parsers import ResponseParserError

from airflow_provider_polytomic.exceptions import (
    SecretStoreConfigurationError,
    SecretStoreDeniedError,
    SecretStoreError,
    SecretStoreUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BOTO_ERRORS", "ExpectedCodeError", "explain", "get_error_code"]

# What boto raises by itself.
BOTO_ERRORS = (boto_errors.BotoCoreError, boto_errors.ClientError, ResponseParserError)

_DENIED = {"AccessDenied", "AccessDeniedException", "NotAuthorized", "UnauthorizedOperation"}
_KMS_KEY = {"DecryptionFailure", "EncryptionFailure", "InvalidKeyId"}
_CREDENTIALS = {
    "AuthFailure", "ExpiredToken", "ExpiredTokenException", "IncompleteSignature", "IncompleteSignatureException",
    "InvalidClientTokenId", "InvalidSignatureException", "MissingAuthenticationToken",
    "MissingAuthenticationTokenException", "OptInRequired", "RequestExpired", "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}  # fmt: skip
_BUSY = {
    "InternalFailure", "InternalServerError", "InternalServiceError", "PriorRequestNotComplete",
    "RequestLimitExceeded", "RequestTimeout", "RequestTimeoutException", "ServiceUnavailable",
    "ServiceUnavailableException", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequestsException",
    "TooManyUpdates",
}  # fmt: skip
_TOO_MANY_REQUESTS, _SERVER_ERROR = 429, 500
# The request may have been sent, or the source of the credentials is out of order.
_NO_ANSWER = (
    boto_errors.ConnectionError,
    boto_errors.HTTPClientError,
    boto_errors.IncompleteReadError,
    boto_errors.CredentialRetrievalError,
    boto_errors.MetadataRetrievalError,
    boto_errors.TokenRetrievalError,
    ResponseParserError,
)
# What to do where the code alone does not say it.
_HINTS = {
    "InvalidRequestException": "The secret is scheduled for deletion (restore it, or use another name), or another AWS "
    "service owns it.",
    "LimitExceededException": "A quota is used up: versions, tags, or secrets of the account.",
    "HierarchyTypeMismatchException": "The parameter has another type, which cannot change: delete it, or use another "
    "name.",
    "ParameterMaxVersionLimitExceeded": "The oldest version of the parameter has a label, so AWS cannot drop it: "
    "remove the label.",
    "ValidationException": "AWS does not allow this name or this value; the value may be too long for its tier.",
    "ParameterPatternMismatchException": "The value does not match the parameter's allowed pattern: change the "
    "pattern.",
}
# The only part of AWS's messages that is repeated: who may not do what, which an administrator needs to read.
_REFUSAL = re.compile(
    r"User: \S+ is not authorized to perform: \S+(?: on resource: \S+)?(?: (?:because|with) [\w :-]+)?"
    r"|Access to KMS is not allowed|The ciphertext refers to a customer master key"
)
_MAX_REFUSAL = 300
# What could be a key in the values that were sent.
_LONG_WORD = re.compile(r'[^\s"\\{},:]{16,}')


class ExpectedCodeError(Exception):
    """AWS answered with one of the error codes that the caller expects.

    :param code: which one.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def get_error_code(error: boto_errors.ClientError) -> str:
    """Return AWS's code for a refusal; a proxy may have put anything there."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    return code if re.fullmatch(r"[\w.-]{1,80}", code) else "no code"


def explain(error: Exception, place: str, *, sent: Mapping[str, object] | None = None) -> SecretStoreError:
    """Return what to raise instead of one of :data:`BOTO_ERRORS`.

    :param sent: the request, none of whose values may be in the message.
    """
    error_type = type(error).__name__
    if isinstance(error, boto_errors.ClientError):
        return _explain_code(error, place, sent or {})
    if isinstance(error, _NO_ANSWER):
        return SecretStoreUnavailableError(
            f"{place}: no answer from AWS ({error_type}). Whether the request took effect is not known. A retry "
            "reads it again.",
            reason="no_answer",
            place=place,
        )
    return SecretStoreConfigurationError(
        f"{place}: the AWS client cannot be used ({error_type}). No request was sent. Correct region, endpoint, "
        "profile and credentials of the secrets backend or the connection.",
        reason="client_unusable",
        place=place,
    )


def _explain_code(error: boto_errors.ClientError, place: str, sent: Mapping[str, object]) -> SecretStoreError:
    code = get_error_code(error)
    if code in _DENIED:
        return SecretStoreDeniedError(
            f"{place}: AWS refused ({_quote_refusal(error, sent) or code}). This request changed nothing. "
            "Allow it in the role's policy. docs/permissions.md names the rights and the page with the policy.",
            reason="missing_right",
            place=place,
        )
    if code in _KMS_KEY:
        return SecretStoreDeniedError(
            f"{place}: its KMS key cannot be used ({code}). This request changed nothing. Enable the key "
            "and allow the role to use it.",
            reason="kms_key",
            place=place,
        )
    if code in _CREDENTIALS:
        return SecretStoreDeniedError(
            f"{place}: AWS does not accept the credentials ({code}). This request changed nothing. Renew or "
            "correct them.",
            reason="credentials",
            place=place,
        )
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _BUSY or status == _TOO_MANY_REQUESTS or status >= _SERVER_ERROR:
        return SecretStoreUnavailableError(
            f"{place}: AWS is busy or failed ({code}). Whether the request took effect is not known. A retry reads "
            "it again.",
            reason="no_answer",
            place=place,
        )
    advice = _HINTS.get(code, "See AWS's documentation of this code, and correct the secret or its name.")
    return SecretStoreConfigurationError(
        f"{place}: AWS rejects the request ({code}). This request changed nothing. {advice}",
        reason="request_not_accepted",
        place=place,
    )


def _quote_refusal(error: boto_errors.ClientError, sent: Mapping[str, object]) -> str | None:
    match = _REFUSAL.search(str(error.response.get("Error", {}).get("Message", "")))
    if match is None:
        return None
    refusal = match[0][:_MAX_REFUSAL].rstrip()
    values = (str(sent.get(name, "")) for name in ("SecretString", "SecretBinary", "Value"))
    return None if any(word in refusal for value in values for word in _LONG_WORD.findall(value)) else refusal
