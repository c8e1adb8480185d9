"""Base of the operators that issue one key: parameters, the log line, the reference, and the event of a new key."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.operators._base import PolytomicOperator
from airflow_provider_polytomic.operators._fields import to_boolean

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_polytomic._issuance import Ensure, Rotate
    from airflow_provider_polytomic._issuance.reference import IssuancePreview, KeyReference
    from airflow_provider_polytomic._issuance.targets import Target
    from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
    from airflow_provider_polytomic.secret_stores.destination import Destination

__all__ = ["PolytomicIssuingOperator", "parse_destination"]


class PolytomicIssuingOperator(PolytomicOperator):
    """Base class for operators that issue one user's key to one destination."""

    _map_index_field = "destination"
    org_id: str
    user_id: str
    destination: str
    take_over: bool | str | None
    check_only: bool | str | None

    def _issuance_mode(self, context: Context) -> tuple[Ensure | Rotate, Target | None]:
        """Return what to do with the stored key, and the standby user; checks the subclass's own parameters."""
        raise NotImplementedError

    def _perform(self, hook: PolytomicHook, context: Context, /) -> dict[str, Any]:
        """Keep the stored key or issue one; return the reference, or with ``check_only`` what would be done."""
        from airflow_provider_polytomic._airflow.masking import mask_secret
        from airflow_provider_polytomic._issuance import Rotate, check, issue
        from airflow_provider_polytomic._issuance.targets import Target
        from airflow_provider_polytomic.secret_stores.factory import open_store

        target = Target.parse(self.org_id, self.user_id)
        destination = parse_destination(self._conn_id(), self.destination)
        mode, standby = self._issuance_mode(context)
        take_over, check_only = to_boolean("take_over", self.take_over), to_boolean("check_only", self.check_only)
        # Without a standby user, consumers have no working key from the request for a new key until it is stored.
        if isinstance(mode, Rotate) and standby is None and not check_only and not self.retries:
            self._warn_about_no_retries(str(destination))
        began = monotonic()
        store = open_store(destination, issuer=hook.base_url)
        if check_only:
            preview = check(hook, store, target, mode, standby=standby, take_over=take_over)
            self._log_preview(destination, preview)
            return preview.to_json(self.destination, server=hook.base_url)
        reference = issue(
            hook, store, target, mode,
            standby=standby, take_over=take_over, hide=mask_secret, stopping=self._is_killed,
        )  # fmt: skip
        self._log_reference(destination, reference, monotonic() - began)
        return self._on_issued(reference, reference.to_json(self.destination, server=hook.base_url), context)

    def _on_issued(
        self, reference: KeyReference, reference_json: dict[str, str | bool], context: Context
    ) -> dict[str, Any]:
        """Emit the event of a new key, and return the reference as JSON."""
        from airflow_provider_polytomic.operators._events import KeyEvents

        if self._is_new_key(reference, context):
            events = KeyEvents(context, self.outlets)
            events.emit_event(self.destination, reference_json)
            events.warn_about_dropped_events()
        return reference_json

    def _is_new_key(self, reference: KeyReference, context: Context) -> bool:
        """Return whether the key has no event yet: this try issued it, or one that ended before its event."""
        from airflow_provider_polytomic.operators._dag_run import current_run

        return reference.is_new(current_run(context), retried=self._is_retried(context))

    def _describe(self) -> dict[str, str]:
        """Return the user and the destination."""
        return {"organization": self.org_id, "user": self.user_id, "destination": self.destination}

    def _log_reference(self, destination: Destination, reference: KeyReference, seconds: float) -> None:
        action = "issued a new API key for" if reference.issued else "kept the working API key of"
        issued_at = f"{reference.issued_at:%Y-%m-%d %H:%M:%S} UTC" if reference.issued_at else "at an unknown time"
        details = {
            "organization": reference.target.org_id,
            "fingerprint": f"{reference.fingerprint:.8}",
            "issued": issued_at,
            **reference.details(),
        }
        self.log.info(
            "%s: %s user %s in %.1f s\n%s",
            destination,
            action,
            reference.target.user_id,
            seconds,
            ", ".join(f"{name}: {value}" for name, value in details.items()),
        )

    def _log_preview(self, destination: Destination, preview: IssuancePreview) -> None:
        caller = preview.caller.describe()
        self.log.info("%s: checked only, no API key was issued\n%s Caller: %s", destination, preview.reason, caller)


def parse_destination(conn_id: str, destination: str) -> Destination:
    """Return the parsed destination; no request was sent yet.

    :raises PolytomicConfigurationError: if it is invalid, or is the connection that issues the key.
    """
    from airflow_provider_polytomic.secret_stores.destination import Destination

    parsed = Destination.parse(destination)
    if parsed.is_connection(conn_id):
        raise PolytomicConfigurationError(
            f"{parsed} is the connection that issues the keys (polytomic_conn_id). A user's key in its place would "
            "lock this DAG out.",
            "Use another destination.",
            reason="issuing_connection",
            fields=["destination", "polytomic_conn_id"],
        )
    return parsed
