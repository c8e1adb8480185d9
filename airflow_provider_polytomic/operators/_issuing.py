"""What operators that issue one key share: from parameters to the reference, and the event of a new key."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.operators._base import PolytomicOperator
from airflow_provider_polytomic.operators._fields import to_boolean

if TYPE_CHECKING:
    from airflow_provider_polytomic._issuance import Ensure, Rotate
    from airflow_provider_polytomic._issuance.reference import KeyReference
    from airflow_provider_polytomic._issuance.targets import Target
    from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
    from airflow_provider_polytomic.secret_stores.destination import Destination

__all__ = ["IssuanceMode", "PolytomicIssuingOperator", "parse_destination"]


@dataclass(frozen=True)
class IssuanceMode:
    """What is to become of the stored key.

    :param standby: the other user of the organization whose keys are stored in turn with the first one's.
    """

    mode: Ensure | Rotate
    standby: Target | None = None

    @property
    def cuts_off(self) -> bool:
        """Whether readers are cut off from the moment that the key is asked for until it is stored."""
        from airflow_provider_polytomic._issuance import Rotate

        return isinstance(self.mode, Rotate) and self.standby is None


class PolytomicIssuingOperator(PolytomicOperator):
    """A task that brings one user's key to one destination; see the operators that are made of it."""

    _map_index_field = "destination"
    org_id: str
    user_id: str
    destination: str
    take_over: bool | str | None
    check_only: bool | str | None

    def _issuance_mode(self, context: Any) -> IssuanceMode:
        """Return what is to become of the stored key; parameters of its own are checked here."""
        raise NotImplementedError

    def _perform(self, hook: PolytomicHook, context: Any, /) -> dict[str, Any]:
        """Keep the key that is stored, or issue one; return the reference to it, or what would be done."""
        from airflow_provider_polytomic._airflow.masking import mask_secret
        from airflow_provider_polytomic._issuance import check, issue
        from airflow_provider_polytomic._issuance.targets import Target
        from airflow_provider_polytomic.secret_stores.factory import open_store

        target = Target.parse(self.org_id, self.user_id)
        destination = parse_destination(self._conn_id(), self.destination)
        order, take_over = self._issuance_mode(context), to_boolean("take_over", self.take_over)
        check_only = to_boolean("check_only", self.check_only)
        if order.cuts_off and not check_only and not self.retries:
            self._warn_of_no_retries()
        began = monotonic()
        store = open_store(destination, issuer=hook.base_url)
        if check_only:
            prospect = check(hook, store, target, order.mode, standby=order.standby, take_over=take_over)
            caller = prospect.caller.model_dump(exclude={"id", "email"}, exclude_none=True)
            self.log.info("Checked only, nothing was issued. %s The caller: %s.", prospect.reason, caller)
            return prospect.to_json(self.destination, server=hook.base_url)
        reference = issue(
            hook, store, target, order.mode,
            standby=order.standby, take_over=take_over, hide=mask_secret, stopping=self._is_killed,
        )  # fmt: skip
        done = "Issued a new API key" if reference.issued else "Kept the stored API key, which works,"
        since = f"issued {reference.issued_at:%Y-%m-%d %H:%M:%S} UTC" if reference.issued_at else "of unknown age"
        facts = (done, reference.target, destination, since, reference.fingerprint, monotonic() - began)
        self.log.info("%s for %s in %s (%s, fingerprint %.8s, %.1f s). %s", *facts, _as_words(reference.details()))
        return self._on_issued(reference, reference.to_json(self.destination, server=hook.base_url), context)

    def _on_issued(self, reference: KeyReference, told: dict[str, str | bool], context: Any) -> dict[str, Any]:
        """Emit the event of a new key, and return the reference as JSON."""
        from airflow_provider_polytomic.operators._events import KeyEvents

        if self._is_new_key(reference, context):
            events = KeyEvents(context, self.outlets)
            events.emit(self.destination, told)
            events.warn_about_dropped()
        return told

    def _is_new_key(self, reference: KeyReference, context: Any) -> bool:
        """Whether nobody has announced the key: this try issued it, or one that died before it could."""
        from airflow_provider_polytomic._airflow.dag_run import dag_run

        return reference.is_new(dag_run(context), retried=self._is_retried(context))

    def _describe(self) -> str:
        """Say whose key, and where it goes."""
        return f"Organization {self.org_id}, user {self.user_id}, destination {self.destination}"

    def _warn_of_no_retries(self) -> None:
        self.log.warning(
            "The user's keys are revoked before the new one is stored, and this task has retries=0: if it dies in "
            "between, readers of %s stay cut off until somebody clears it. Set retries=5, say, and a short "
            "retry_delay: within 24 hours a retry should get the very same key.",
            self.destination,
        )


def _as_words(details: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in details.items())


def parse_destination(conn_id: str, destination: str) -> Destination:
    """Return the destination, unless it is the connection that asks; nothing has been sent by then.

    :raises PolytomicConfigurationError: if it is, or is none at all.
    """
    from airflow_provider_polytomic.secret_stores.destination import Destination

    found = Destination.parse(destination)
    if found.is_connection(conn_id):
        raise PolytomicConfigurationError(
            (
                f"{found} is the connection whose key issues keys (polytomic_conn_id); without it, or with a user's "
                "key in its place, this DAG would be locked out."
            ),
            "Use another destination.",
            reason="issuing_connection",
            fields=["destination", "polytomic_conn_id"],
        )
    return found
