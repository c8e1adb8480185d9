"""How does a DAG issue an API key? With an operator that reads like that sentence; the hard part is behind ``issue``.

A DAG file that imports this module imports little else: what only a running task needs is imported by ``execute``.
"""

from __future__ import annotations

from contextlib import closing
from time import monotonic
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError, PolytomicError
from airflow_provider_polytomic.operators.rendering import name_map_index, to_boolean, to_seconds
from airflow_provider_polytomic.version_compat import BaseOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_polytomic.references import Prospect
    from airflow_provider_polytomic.secret_stores.destination import Destination

__all__ = ["PolytomicCreateApiKeyOperator"]


class PolytomicCreateApiKeyOperator(BaseOperator):
    """Issue a Polytomic API key for a user and put it where Airflow reads its secrets, and nowhere else.

    Returns a reference: destination, ids, the key's fingerprint, when it was issued. Never the key itself.

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
        destination is cut off until the new one is stored, normally well under a second. (templated)
    :param take_over: replace what the destination holds even if it was not issued here: another user's key, say, or a
        connection of another type. (templated)
    :param check_only: look, prove the right to write and who the caller is, say what would be done, and issue nothing.
        (templated)
    :param polytomic_conn_id: the connection (``docs/connection.md``) whose partner key issues; it is refused as the
        destination. (templated)
    :param retry_for: seconds for which one request is repeated while Polytomic is out of reach or answers 429 or 5xx.
    """

    template_fields: Sequence[str] = (
        "org_id", "user_id", "destination", "force", "take_over", "check_only", "polytomic_conn_id",
    )  # fmt: skip
    ui_color = "#d7ecf5"

    def __init__(
        self,
        *,
        org_id: str,
        user_id: str,
        destination: str,
        force: bool | str = False,
        take_over: bool | str = False,
        check_only: bool | str = False,
        polytomic_conn_id: str = "polytomic_default",
        retry_for: float = 60.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.org_id = org_id
        self.user_id = user_id
        self.destination = destination
        self.force = force
        self.take_over = take_over
        self.check_only = check_only
        self.polytomic_conn_id = polytomic_conn_id
        self.retry_for = retry_for
        # No threading.Event: Airflow deep-copies operators, and on_kill runs as a signal handler of the same thread.
        self._killed = False

    def execute(self, context: Any) -> dict[str, Any]:
        """Issue the key, or keep the one that is stored, and return the reference.

        :raises AirflowFailException: if trying again cannot help; the message says what to do.
        :raises PolytomicError: if it can; the next try goes on where this one stopped.
        """
        from airflow_provider_polytomic.version_compat import AirflowFailException

        name_map_index(context)
        try:
            return self._issue(context)
        except PolytomicError as error:
            # A configuration error names its parameter where that is safe: a mistyped destination can hold a password.
            if not isinstance(error, PolytomicConfigurationError):
                error.add_note(f"(Organization {self.org_id}, user {self.user_id}, destination {self.destination})")
            if error.retryable:
                raise
            refusal = " ".join([str(error), *getattr(error, "__notes__", ())])
        # Outside the except block: an exception without a context drags along no frames whose locals could be printed.
        raise AirflowFailException(refusal)

    def on_kill(self) -> None:
        """Have no further POST sent. Airflow 3 lets ``execute`` go on for five seconds, enough to store a new key."""
        self._killed = True

    def _is_killed(self) -> bool:
        return self._killed

    def _issue(self, context: Any) -> dict[str, Any]:
        from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
        from airflow_provider_polytomic.issuing import Ensure, Renew, check, issue
        from airflow_provider_polytomic.secret_stores.opening import open_store
        from airflow_provider_polytomic.targets import Target
        from airflow_provider_polytomic.version_compat import mask_secret, run_time

        target = Target.parse(self.org_id, self.user_id)
        destination = self._destination()
        force, take_over = to_boolean("force", self.force), to_boolean("take_over", self.take_over)
        check_only, retry_for = to_boolean("check_only", self.check_only), to_seconds("retry_for", self.retry_for)
        mode = Renew(run_time=run_time(context)) if force else Ensure()
        if force and not check_only and not self.retries:
            self._warn_of_no_retries()
        began = monotonic()
        with (
            closing(PolytomicHook(self.polytomic_conn_id, retry_for=retry_for, stopping=self._is_killed)) as hook,
            open_store(destination, issuer=hook.base_url) as store,
        ):
            if check_only:
                return self._report(check(hook, store, target, mode, take_over=take_over))
            reference = issue(
                hook, store, target, mode,
                take_over=take_over, hide=mask_secret, stopping=self._is_killed,
            )  # fmt: skip
        done = "Issued a new API key" if reference.issued else "Kept the stored API key, which works,"
        facts = (done, target, destination, reference.fingerprint, monotonic() - began)
        self.log.info("%s for %s in %s (fingerprint %.8s, %.1f s).", *facts)
        return reference.to_json(self.destination)

    def _destination(self) -> Destination:
        """Return the destination, unless it is the connection that issues; nothing has been sent by then."""
        from airflow_provider_polytomic.secret_stores.destination import Destination

        found = Destination.parse(self.destination)
        if (found.scheme, found.kind, found.name) == ("airflow", "connection", self.polytomic_conn_id):
            raise PolytomicConfigurationError(
                f"{found} is the connection whose key issues keys (polytomic_conn_id); a user's key in its place would "
                "lock this DAG out. Nothing was sent. Use another destination."
            )
        return found

    def _warn_of_no_retries(self) -> None:
        self.log.warning(
            "force revokes the user's keys before the new one is stored, and this task has retries=0: if it dies in "
            "between, readers of %s stay cut off until somebody clears it. Set retries=3, say, and a short "
            "retry_delay: within 24 hours a retry should get the very same key.",
            self.destination,
        )

    def _report(self, prospect: Prospect) -> dict[str, Any]:
        self.log.info("Checked only, nothing was issued. %s", prospect.reason)
        return {
            "destination": self.destination,
            "org_id": self.org_id,
            "user_id": self.user_id,
            "would_issue": prospect.would_issue,
            "reason": prospect.reason,
            "caller": prospect.caller.model_dump(exclude={"id", "email"}),
        }
