"""What does it mean that AWS, or the client for it, says no? Decided by code and kind; the words are ours."""

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

__all__ = ["BOTO_ERRORS", "explain", "get_error_code"]

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
# The request may have been sent, or what gives out credentials is out of order.
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
    "InvalidRequestException": "It is scheduled for deletion (restore it, or take another name), or belongs to another "
    "service of AWS.",
    "LimitExceededException": "A quota is used up: versions, tags, or secrets of the account.",
    "HierarchyTypeMismatchException": "It is of another type, which cannot change: delete it, or take another name.",
    "ParameterMaxVersionLimitExceeded": "Its oldest version has a label, and keeps its place: take the label off.",
    "ValidationException": "AWS does not allow this name or this value; a value may be too long for its tier.",
    "ParameterPatternMismatchException": "Its allowed pattern does not match: change the pattern.",
}
# The only words of AWS's that are repeated: who may not do what, which an administrator needs to read.
_REFUSAL = re.compile(
    r"User: \S+ is not authorized to perform: \S+(?: on resource: \S+)?(?: (?:because|with) [\w :-]+)?"
    r"|Access to KMS is not allowed|The ciphertext refers to a customer master key"
)
_MAX_WORDS = 300
# What could be a key among the texts that were sent.
_LONG_WORD = re.compile(r'[^\s"\\{},:]{16,}')


def get_error_code(error: boto_errors.ClientError) -> str:
    """Return AWS's code for a refusal; a proxy may have put anything there."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    return code if re.fullmatch(r"[\w.-]{1,80}", code) else "no code"


def explain(error: Exception, place: str, *, sent: Mapping[str, object] | None = None) -> SecretStoreError:
    """Return what to raise instead of one of :data:`BOTO_ERRORS`.

    :param sent: the request, of whose values none may be in the message.
    """
    kind = type(error).__name__
    if isinstance(error, boto_errors.ClientError):
        return _of_code(error, place, sent or {})
    if isinstance(error, _NO_ANSWER):
        return SecretStoreUnavailableError(
            f"{place}: no answer from AWS ({kind}); whether the request took effect is not known, so read again.",
            reason="no_answer",
            place=place,
        )
    return SecretStoreConfigurationError(
        f"{place}: the client for AWS cannot be used ({kind}). No request was sent. Correct region, endpoint, profile "
        "and credentials of the secrets backend or the connection.",
        reason="client_unusable",
        place=place,
    )


def _of_code(error: boto_errors.ClientError, place: str, sent: Mapping[str, object]) -> SecretStoreError:
    code = get_error_code(error)
    unchanged = "Nothing was changed by this request."
    if code in _DENIED:
        return SecretStoreDeniedError(
            f"{place}: AWS refused ({_words_of(error, sent) or code}). {unchanged} Let the role's policy allow it; the "
            "documentation has the smallest policy that does.",
            reason="missing_right",
            place=place,
        )
    if code in _KMS_KEY:
        return SecretStoreDeniedError(
            f"{place}: its KMS key cannot be used ({code}). {unchanged} Enable the key and let the role use it.",
            reason="kms_key",
            place=place,
        )
    if code in _CREDENTIALS:
        return SecretStoreDeniedError(
            f"{place}: AWS does not accept the credentials ({code}). {unchanged} Renew or correct them.",
            reason="credentials",
            place=place,
        )
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _BUSY or status == _TOO_MANY_REQUESTS or status >= _SERVER_ERROR:
        return SecretStoreUnavailableError(
            f"{place}: AWS did not do it now ({code}); whether the request took effect is not known, so read again.",
            reason="no_answer",
            place=place,
        )
    advice = _HINTS.get(code, "See what AWS says of this code, and correct the secret or its name.")
    return SecretStoreConfigurationError(
        f"{place}: AWS does not accept the request ({code}). {unchanged} {advice}",
        reason="request_not_accepted",
        place=place,
    )


def _words_of(error: boto_errors.ClientError, sent: Mapping[str, object]) -> str | None:
    found = _REFUSAL.search(str(error.response.get("Error", {}).get("Message", "")))
    if found is None:
        return None
    words = found[0][:_MAX_WORDS].rstrip()
    values = (str(sent.get(name, "")) for name in ("SecretString", "SecretBinary", "Value"))
    return None if any(word in words for value in values for word in _LONG_WORD.findall(value)) else words
