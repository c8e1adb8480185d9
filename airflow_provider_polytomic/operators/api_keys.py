"""Operators that issue a Polytomic API key, rotate it and delete a stored one.

The hard parts are behind ``issue`` and ``remove_key``.
A DAG file that imports this module imports little else: what only a running task needs is imported by ``execute``.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.operators._base import PolytomicOperator
from airflow_provider_polytomic.operators._fields import to_boolean, to_duration, to_optional
from airflow_provider_polytomic.operators._issuing import IssuanceMode, PolytomicIssuingOperator, parse_destination

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_polytomic._issuance.reference import KeyReference
    from airflow_provider_polytomic.hooks.polytomic import PolytomicHook

__all__ = ["PolytomicCreateApiKeyOperator", "PolytomicDeleteStoredApiKeyOperator", "PolytomicRotateApiKeyOperator"]


class PolytomicCreateApiKeyOperator(PolytomicIssuingOperator):
    """Issue a Polytomic API key for a user and put it where Airflow reads its secrets, and nowhere else.

    Returns a reference: destination, ids, the key's fingerprint, when it was issued and by which server. Never the key
    itself. With ``outlets=[api_keys_alias()]``, a new key is also an event of
    :func:`~airflow_provider_polytomic.assets.api_key_asset`.

    Without ``force``, a stored key that works is kept. With it, a new key is issued once a DAG run: a retry or a clear
    of that run keeps the key that the run issued. Give the task ``retries``: what one try leaves half done, the next
    completes, with the very same key for at least 24 hours.

    .. seealso::
        ``docs/create-api-key.md``, and on the endpoint
        https://apidocs.polytomic.com/2025-09-18/api-reference/users/create-api-key

    :param org_id: UUID of the organization. (templated)
    :param user_id: UUID of the user whose key is issued. (templated)
    :param destination: where the key goes, such as ``airflow://connection/acme_polytomic``. (templated)
    :param force: renew: Polytomic revokes the user's keys *before* it makes the new one, so whoever reads the
        destination is cut off until the new one is stored, normally well under a second; by default ``False``.
        (templated)
    :param take_over: replace what the destination holds even if it was not issued here: another user's key, say, or a
        connection of another type; by default ``False``. (templated)
    :param check_only: look, prove the right to write and who the caller is, and issue nothing; the reference then has
        ``would_issue`` and a ``reason``; by default ``False``. (templated)
    :param polytomic_conn_id: the connection (``docs/connection.md``) whose partner key issues; it is refused as the
        destination; by default ``polytomic_default``. (templated)
    :param retry_for: seconds for which one request is repeated while Polytomic is out of reach or answers 429 or 5xx.
    """

    template_fields: Sequence[str] = (
        "org_id", "user_id", "destination", "force", "take_over", "check_only", *PolytomicOperator.template_fields,
    )  # fmt: skip

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

    def _issuance_mode(self, context: Any) -> IssuanceMode:
        """Return the order to keep a working key, or to renew it once a run."""
        from airflow_provider_polytomic._airflow.dag_run import dag_run
        from airflow_provider_polytomic._issuance import Ensure, Rotate

        run = dag_run(context)
        return IssuanceMode(Rotate(run, max_age=timedelta(0)) if to_boolean("force", self.force) else Ensure(run))


class PolytomicRotateApiKeyOperator(PolytomicIssuingOperator):
    """Renew a stored Polytomic API key that has reached ``max_age``, or does not answer any more.

    Returns a reference, as :class:`~airflow_provider_polytomic.operators.api_keys.PolytomicCreateApiKeyOperator` does;
    with ``outlets=[api_keys_alias()]``, a new key is likewise an event of
    :func:`~airflow_provider_polytomic.assets.api_key_asset`.

    A key is as old as the run that issued it: it is due if the time of that run plus ``max_age`` is at or before the
    time of this run, and another run issued it. A weekly DAG with ``timedelta(days=7)`` rotates every week, and a
    retry, a clear of this or an older run and a backfill rotate nothing twice.

    Polytomic revokes the user's keys *before* it makes the new one. Whoever reads the destination is cut off from then
    until the new one is stored (``outage_seconds`` in the task's log, normally well under a second), unless there is a
    ``standby_user_id``.

    .. seealso::
        ``docs/rotate-on-a-schedule.md`` and ``docs/rotate-without-an-outage.md``

    :param org_id: UUID of the organization. (templated)
    :param user_id: UUID of the user whose key is rotated. (templated)
    :param destination: where the key is, such as ``airflow://connection/acme_polytomic``; one that holds nothing gets
        its first key. (templated)
    :param max_age: a younger key is kept: a ``timedelta``, or seconds; zero rotates once in each run. (templated)
    :param standby_user_id: UUID of a second user of the organization, with the same rights. The keys of the two are
        stored in turn: the idle user's is issued, checked and stored, and the one in use until then works on until the
        next rotation. Neither user may have a key that anything else uses. (templated)
    :param skip_if_not_due: mark the task as skipped, and so what follows it, where the key is young enough; by default
        ``False``. (templated)
    :param take_over: replace what the destination holds even if it was not issued here, or nothing tells its age; by
        default ``False``. (templated)
    :param check_only: look, prove the right to write and who the caller is, and issue nothing; the reference then has
        ``would_issue`` and a ``reason``; by default ``False``. (templated)
    :param polytomic_conn_id: the connection (``docs/connection.md``) whose partner key issues; it is refused as the
        destination; by default ``polytomic_default``. (templated)
    :param retry_for: seconds for which one request is repeated while Polytomic is out of reach or answers 429 or 5xx.
    """

    template_fields: Sequence[str] = (
        "org_id", "user_id", "destination", "max_age", "standby_user_id", "skip_if_not_due", "take_over", "check_only",
        *PolytomicOperator.template_fields,
    )  # fmt: skip

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
        self._standby_is_given = standby_user_id is not None
        self.skip_if_not_due = skip_if_not_due
        self.take_over = take_over
        self.check_only = check_only
        self.polytomic_conn_id = polytomic_conn_id
        self.retry_for = retry_for
        self._remember_given()

    def _issuance_mode(self, context: Any) -> IssuanceMode:
        """Return the order to renew what is due."""
        from airflow_provider_polytomic._airflow.dag_run import dag_run
        from airflow_provider_polytomic._issuance import Rotate
        from airflow_provider_polytomic._issuance.targets import Target

        to_boolean("skip_if_not_due", self.skip_if_not_due)
        mode = Rotate(dag_run(context), max_age=to_duration("max_age", self.max_age))
        standby_user_id = to_optional("standby_user_id", self.standby_user_id)
        if standby_user_id is None:
            if self._standby_is_given:
                raise PolytomicConfigurationError(
                    (
                        "standby_user_id was given and renders to nothing; without it, readers would be cut off while "
                        "the key is rotated."
                    ),
                    "Correct the template, or leave the parameter out.",
                    reason="rendered_to_nothing",
                    fields=["standby_user_id"],
                )
            return IssuanceMode(mode)
        standby = Target.parse_standby(self.org_id, self.user_id, standby_user_id)
        return IssuanceMode(mode, standby)

    def _on_issued(self, reference: KeyReference, told: dict[str, str | bool], context: Any) -> dict[str, Any]:
        """Emit the event of a new key and return the reference, or skip.

        :raises AirflowSkipException: if the key is young enough, and that is to be the task's state.
        """
        super()._on_issued(reference, told, context)
        if to_boolean("skip_if_not_due", self.skip_if_not_due) and not self._is_new_key(reference, context):
            from airflow_provider_polytomic._airflow.version import AirflowSkipException

            raise AirflowSkipException(
                f"The API key in {self.destination} is young enough (issued at {told.get('issued_at')}) and works."
            )
        return told

    def _describe(self) -> str:
        """Say whose key, and where it goes."""
        standby = f" (standby {self.standby_user_id})" if self.standby_user_id else ""
        return f"Organization {self.org_id}, user {self.user_id}{standby}, destination {self.destination}"


class PolytomicDeleteStoredApiKeyOperator(PolytomicOperator):
    """Take a stored API key, and the record beside it, out of Airflow's secrets backend once the key is dead.

    Returns ``{"destination": ..., "org_id": ..., "user_id": ..., "fingerprint": ..., "deleted": true}``; the ids are
    those of the record, and left out where there was none. A destination that holds nothing is no error.

    Polytomic cannot revoke a key but by removing its user or by issuing another one with ``force``; so do that first: a
    key that still works is not removed, because afterwards nobody would know of it.

    .. seealso::
        ``docs/offboard-a-customer.md``

    :param destination: where the key is, such as ``airflow://connection/acme_polytomic``. (templated)
    :param take_over: remove what the destination holds even if it was not issued here. It is not sent to Polytomic, and
        where the store can keep it recoverable it does. By default ``False``. (templated)
    :param allow_active_key: remove a key that may still work, without asking Polytomic, and the record of an issuance
        that was interrupted before its key was stored; by default ``False``. (templated)
    :param polytomic_conn_id: the connection whose partner key asks whether the organization is one of its own, and, of
        an issuance that was interrupted, whether the user is gone; it is refused as the destination; by default
        ``polytomic_default``. (templated)
    :param retry_for: seconds for which one request is repeated while Polytomic is out of reach or answers 429 or 5xx.
    """

    template_fields: Sequence[str] = (
        "destination",
        "take_over",
        "allow_active_key",
        *PolytomicOperator.template_fields,
    )
    _map_index_field = "destination"

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

    def _perform(self, hook: PolytomicHook, _context: Any, /) -> dict[str, Any]:
        """Look, make sure that the key is dead, and remove it."""
        from airflow_provider_polytomic._removal.remove import remove_key
        from airflow_provider_polytomic.secret_stores.factory import open_store

        destination = parse_destination(self._conn_id(), self.destination)
        take_over, allow_active_key = (
            to_boolean("take_over", self.take_over),
            to_boolean("allow_active_key", self.allow_active_key),
        )
        store = open_store(destination, issuer=hook.base_url)
        self.log.info("Removing the API key from %s, if it is dead, and its record.", store.place)
        removed = remove_key(hook, store, take_over=take_over, allow_active_key=allow_active_key)
        if removed.removed:
            self.log.info("Removed what was in %s.", store.place)
        else:
            self.log.warning(
                "There was nothing in %s. If a key was meant to be there, check the destination.", store.place
            )
        told: dict[str, Any] = {"destination": self.destination, "deleted": removed.removed}
        if removed.target:
            told |= {"org_id": removed.target.org_id, "user_id": removed.target.user_id}
        return told if removed.fingerprint is None else {**told, "fingerprint": removed.fingerprint}

    def _describe(self) -> str:
        """Say where the key is."""
        return f"Destination {self.destination}"
