"""Operators that issue a Polytomic API key, rotate it and delete a stored one.

The functions ``issue`` and ``remove_key`` do the work.
To keep DAG parsing fast, ``execute`` imports what only a running task needs.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.operators._base import PolytomicOperator
from airflow_provider_polytomic.operators._fields import rendered_to_nothing, to_boolean, to_duration, to_optional
from airflow_provider_polytomic.operators._issuing import PolytomicIssuingOperator, parse_destination

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_polytomic._issuance import Ensure, Rotate
    from airflow_provider_polytomic._issuance.reference import KeyReference
    from airflow_provider_polytomic._issuance.targets import Target
    from airflow_provider_polytomic.hooks.polytomic import PolytomicHook

__all__ = ["PolytomicCreateApiKeyOperator", "PolytomicDeleteStoredApiKeyOperator", "PolytomicRotateApiKeyOperator"]


class PolytomicCreateApiKeyOperator(PolytomicIssuingOperator):
    """Issue a Polytomic API key for a user and store it in the secrets backend that Airflow reads from.

    Returns a reference: destination, ids, the key's fingerprint, the time of issue and the server. It never returns the
    key. With ``outlets=[api_keys_alias()]``, a new key also emits an event of
    :func:`~airflow_provider_polytomic.assets.api_key_asset`.

    Without ``force``, a stored key that works is kept. With ``force``, each DAG run issues one new key: a retry or a
    clear of the run keeps the key that the run issued. Set ``retries``: a retry completes what an earlier try left
    half done, and gets the same key for at least 24 hours.

    .. seealso::
        ``docs/create-api-key.md``, and the endpoint:
        https://apidocs.polytomic.com/2025-09-18/api-reference/users/create-api-key

    :param org_id: UUID of the organization. (templated)
    :param user_id: UUID of the user whose key is issued. (templated)
    :param destination: where the key is stored, such as ``airflow://connection/acme_polytomic``. (templated)
    :param force: issue a new key even if the stored one works. Polytomic revokes the user's keys *before* it creates
        the new one, so consumers have no working key until the new one is stored, normally for well under a second.
        Defaults to ``False``. (templated)
    :param take_over: replace the value at the destination even if this provider did not issue it, such as another
        user's key or a connection of another type. Defaults to ``False``. (templated)
    :param check_only: check the stored key, the right to write and the caller, and issue no key. The reference then has
        ``would_issue`` and a ``reason``. Defaults to ``False``. (templated)
    :param polytomic_conn_id: the connection (``docs/connection.md``) with the partner key that issues the key. It is
        rejected as the destination. Defaults to ``polytomic_default``. (templated)
    :param retry_for: seconds for which a request is repeated while Polytomic is unreachable or returns 429 or 5xx.
    """

    template_fields: Sequence[str] = (
        "org_id", "user_id", "destination", "force", "take_over", "check_only", *PolytomicOperator.template_fields,
    )  # fmt: skip
    _acting_fields = frozenset({"force", "take_over", "check_only"})

    def __init__(
        self,
        *,
        org_id: str,
        user_id: str,
        destination: str,
        force: bool | str | None = None,
        take_over: bool | str | None = None,
        check_only: bool | str | None = None,
        polytomic_conn_id: str | None = None,
        retry_for: float | str = 60.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"multiple_outputs": True, **kwargs})
        self.org_id = org_id
        self.user_id = user_id
        self.destination = destination
        self.force = force
        self.take_over = take_over
        self.check_only = check_only
        self.polytomic_conn_id = polytomic_conn_id
        self.retry_for = retry_for
        self._remember_given()

    def _issuance_mode(self, context: Context) -> tuple[Ensure | Rotate, None]:
        """Return the mode: keep a working key, or with ``force`` replace it once per run."""
        from airflow_provider_polytomic._issuance import Ensure, Rotate
        from airflow_provider_polytomic.operators._dag_run import current_run

        run = current_run(context)
        return Rotate(run, max_age=timedelta(0)) if to_boolean("force", self.force) else Ensure(run), None


class PolytomicRotateApiKeyOperator(PolytomicIssuingOperator):
    """Rotate a stored Polytomic API key that has reached ``max_age`` or no longer works.

    Returns a reference, as :class:`~airflow_provider_polytomic.operators.api_keys.PolytomicCreateApiKeyOperator` does.
    With ``outlets=[api_keys_alias()]``, a new key also emits an event of
    :func:`~airflow_provider_polytomic.assets.api_key_asset`.

    A key is as old as the run that issued it. It is due if another run issued it, and the time of that run plus
    ``max_age`` is at or before the time of this run. A weekly DAG with ``timedelta(days=7)`` rotates every week. A
    retry, a clear of this or an older run, and a backfill rotate no key a second time.

    Polytomic revokes the user's keys *before* it creates the new one. Without a ``standby_user_id``, consumers have no
    working key until the new one is stored, normally for well under a second (``outage_seconds`` in the task's log).

    .. seealso::
        ``docs/rotate-on-a-schedule.md`` and ``docs/rotate-without-an-outage.md``

    :param org_id: UUID of the organization. (templated)
    :param user_id: UUID of the user whose key is rotated. (templated)
    :param destination: where the key is stored, such as ``airflow://connection/acme_polytomic``. An empty destination
        gets its first key. (templated)
    :param max_age: rotate a key of this age: a ``timedelta``, or seconds. With zero, each run rotates the key once.
        (templated)
    :param standby_user_id: UUID of a second user of the organization, with the same rights. The keys of the two users
        are stored in turn: the idle user's key is issued, checked and stored, and the previous key works until the next
        rotation. Neither user may have a key that anything else uses. (templated)
    :param skip_if_not_due: mark the task as skipped, and thereby the tasks after it, if the key is not due. Defaults to
        ``False``. (templated)
    :param take_over: replace the value at the destination even if this provider did not issue it or its age is unknown.
        Defaults to ``False``. (templated)
    :param check_only: check the stored key, the right to write and the caller, and issue no key. The reference then has
        ``would_issue`` and a ``reason``. Defaults to ``False``. (templated)
    :param polytomic_conn_id: the connection (``docs/connection.md``) with the partner key that issues the key. It is
        rejected as the destination. Defaults to ``polytomic_default``. (templated)
    :param retry_for: seconds for which a request is repeated while Polytomic is unreachable or returns 429 or 5xx.
    """

    template_fields: Sequence[str] = (
        "org_id", "user_id", "destination", "max_age", "standby_user_id", "skip_if_not_due", "take_over", "check_only",
        *PolytomicOperator.template_fields,
    )  # fmt: skip
    _acting_fields = frozenset({"skip_if_not_due", "take_over", "check_only"})

    def __init__(
        self,
        *,
        org_id: str,
        user_id: str,
        destination: str,
        max_age: timedelta | float | str,
        standby_user_id: str | None = None,
        skip_if_not_due: bool | str | None = None,
        take_over: bool | str | None = None,
        check_only: bool | str | None = None,
        polytomic_conn_id: str | None = None,
        retry_for: float | str = 60.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"multiple_outputs": True, **kwargs})
        self.org_id = org_id
        self.user_id = user_id
        self.destination = destination
        self.max_age = max_age
        self.standby_user_id = standby_user_id
        self.skip_if_not_due = skip_if_not_due
        self.take_over = take_over
        self.check_only = check_only
        self.polytomic_conn_id = polytomic_conn_id
        self.retry_for = retry_for
        self._remember_given()

    def _issuance_mode(self, context: Context) -> tuple[Rotate, Target | None]:
        """Return the mode, which replaces a key that is due, and the standby user."""
        from airflow_provider_polytomic._issuance import Rotate
        from airflow_provider_polytomic._issuance.targets import Target
        from airflow_provider_polytomic.operators._dag_run import current_run

        to_boolean("skip_if_not_due", self.skip_if_not_due)
        mode = Rotate(current_run(context), max_age=to_duration("max_age", self.max_age))
        standby_user_id = to_optional("standby_user_id", self.standby_user_id)
        if standby_user_id is None:
            if "standby_user_id" in self._given:
                raise rendered_to_nothing(
                    ["standby_user_id"], "Without it, the rotation would leave consumers without a working key."
                )
            return mode, None
        return mode, Target.parse_standby(self.org_id, self.user_id, standby_user_id)

    def _on_issued(
        self, reference: KeyReference, reference_json: dict[str, str | bool], context: Context
    ) -> dict[str, Any]:
        """Emit the event of a new key and return the reference, or skip the task.

        :raises AirflowSkipException: with ``skip_if_not_due``, if the key is not due.
        """
        super()._on_issued(reference, reference_json, context)
        if to_boolean("skip_if_not_due", self.skip_if_not_due) and not self._is_new_key(reference, context):
            from airflow_provider_polytomic._airflow.version import AirflowSkipException

            raise AirflowSkipException(
                f"{self.destination}: the stored API key works and is not due; it was issued at "
                f"{reference_json.get('issued_at')}."
            )
        return reference_json

    def _describe(self) -> dict[str, str]:
        """Return the users and the destination."""
        standby = {"standby user": self.standby_user_id} if self.standby_user_id else {}
        return {**super()._describe(), **standby}


class PolytomicDeleteStoredApiKeyOperator(PolytomicOperator):
    """Delete a revoked API key and its record from the secrets backend.

    Returns ``{"destination": ..., "org_id": ..., "user_id": ..., "fingerprint": ..., "deleted": true}``. The ids are
    those of the record, and omitted if there is no record. An empty destination is not an error.

    To revoke a key, delete its user or issue another key with ``force`` first. A key that still works is not deleted,
    because afterwards nothing would tell you that it exists.

    .. seealso::
        ``docs/offboard-a-customer.md``

    :param destination: where the key is stored, such as ``airflow://connection/acme_polytomic``. (templated)
    :param take_over: delete the value at the destination even if this provider did not issue it. The value is not sent
        to Polytomic, and stays recoverable if the store supports that. Defaults to ``False``. (templated)
    :param allow_active_key: delete a key that may still work, without a request to Polytomic, and the record of an
        issuance that was interrupted before its key was stored. Defaults to ``False``. (templated)
    :param polytomic_conn_id: the connection with the partner key. The operator uses it to find out whether the
        organization is one of the partner's, and, after an interrupted issuance, whether the user is deleted. It is
        rejected as the destination. Defaults to ``polytomic_default``. (templated)
    :param retry_for: seconds for which a request is repeated while Polytomic is unreachable or returns 429 or 5xx.
    """

    template_fields: Sequence[str] = (
        "destination",
        "take_over",
        "allow_active_key",
        *PolytomicOperator.template_fields,
    )
    _map_index_field = "destination"
    _acting_fields = frozenset({"take_over", "allow_active_key"})

    def __init__(
        self,
        *,
        destination: str,
        take_over: bool | str | None = None,
        allow_active_key: bool | str | None = None,
        polytomic_conn_id: str | None = None,
        retry_for: float | str = 60.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"multiple_outputs": True, **kwargs})
        self.destination = destination
        self.take_over = take_over
        self.allow_active_key = allow_active_key
        self.polytomic_conn_id = polytomic_conn_id
        self.retry_for = retry_for
        self._remember_given()

    def _perform(self, hook: PolytomicHook, _context: Context, /) -> dict[str, Any]:
        """Check that the key is revoked, and delete it."""
        from airflow_provider_polytomic._removal.remove import remove_key
        from airflow_provider_polytomic.secret_stores.factory import open_store

        destination = parse_destination(self._conn_id(), self.destination)
        take_over = to_boolean("take_over", self.take_over)
        allow_active_key = to_boolean("allow_active_key", self.allow_active_key)
        store = open_store(destination, issuer=hook.base_url)
        self.log.info("%s: deleting the API key, if it is revoked, and its record\nFrom %s.", destination, store.place)
        removed = remove_key(hook, store, take_over=take_over, allow_active_key=allow_active_key)
        if removed.removed:
            self.log.info("%s: deleted", destination)
        else:
            self.log.warning("%s: nothing was stored\nIf you expected a key, check the destination.", destination)
        result: dict[str, Any] = {"destination": self.destination, "deleted": removed.removed}
        if removed.target:
            result |= {"org_id": removed.target.org_id, "user_id": removed.target.user_id}
        return result if removed.fingerprint is None else {**result, "fingerprint": removed.fingerprint}

    def _describe(self) -> dict[str, str]:
        """Return the destination."""
        return {"destination": self.destination}
