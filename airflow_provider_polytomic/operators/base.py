"""What do all operators of this package share? The connection, what becomes of errors, and how a kill is heard."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError, PolytomicError
from airflow_provider_polytomic.operators.rendering import name_map_index, to_seconds
from airflow_provider_polytomic.version_compat import BaseOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
    from airflow_provider_polytomic.provisioning import Patience

__all__ = ["PolytomicOperator"]


class PolytomicOperator(BaseOperator):
    """A task that asks something of Polytomic.

    What it returns is small JSON; an object is also pushed field by field, so that ``task.output["id"]`` can be given
    to the next task.

    :param polytomic_conn_id: the connection whose key asks (``docs/connection.md``). (templated)
    :param retry_for: seconds for which one request is repeated while Polytomic is out of reach or answers 429 or 5xx.
    """

    template_fields: Sequence[str] = ("polytomic_conn_id",)
    ui_color = "#d7ecf5"
    # The parameter after which a mapped task instance is called.
    named_after: ClassVar[str] = "polytomic_conn_id"
    fields_are_pushed: ClassVar[bool] = True

    if TYPE_CHECKING:

        @property
        def output(self) -> Any:
            """What it returns; Airflow declares a type that cannot be indexed: ``task.output["id"]``."""

    def __init__(self, *, polytomic_conn_id: str = "polytomic_default", retry_for: float = 60.0, **kwargs: Any) -> None:
        super().__init__(**{"multiple_outputs": self.fields_are_pushed, **kwargs})
        self.polytomic_conn_id = polytomic_conn_id
        self.retry_for = retry_for
        # No threading.Event: Airflow deep-copies operators, and on_kill runs as a signal handler of the same thread.
        self._killed = False

    def execute(self, context: Any) -> Any:
        """Do the task's one thing.

        :raises AirflowFailException: if trying again cannot help; the message says what to do.
        :raises PolytomicError: if it can; the next try goes on where this one stopped.
        """
        from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
        from airflow_provider_polytomic.version_compat import AirflowFailException

        self.name_instance(context)
        try:
            seconds = to_seconds("retry_for", self.retry_for)
            with closing(PolytomicHook(self.polytomic_conn_id, retry_for=seconds, stopping=self.is_killed)) as hook:
                return self.act(hook, context)
        except PolytomicError as error:
            # A configuration error names its parameter where that is safe: a mistyped destination can hold a password.
            if not isinstance(error, PolytomicConfigurationError):
                error.add_note(f"({self.subject()})")
            if error.retryable:
                raise
            refusal = " ".join([str(error), *getattr(error, "__notes__", ())])
        # Outside the except block: an exception without a context drags along no frames whose locals could be printed.
        raise AirflowFailException(refusal)

    def act(self, hook: PolytomicHook, context: Any) -> Any:
        """Do it, and return small JSON.

        :param hook: not yet connected, so that what is wrong with the parameters is said first.
        """
        raise NotImplementedError

    def name_instance(self, context: Any) -> None:
        """Call a mapped task instance by what tells it from the others."""
        name_map_index(context, self.named_after)

    def subject(self) -> str:
        """Say whom the task is about, for errors: ids and names, nothing secret."""
        raise NotImplementedError

    def on_kill(self) -> None:
        """Have nothing made any more, and nothing sent again. Airflow 3 lets ``execute`` go on for five seconds."""
        self._killed = True

    def patience(self) -> Patience:
        """Return how long this task waits for a request that is in flight."""
        from airflow_provider_polytomic.provisioning import Patience

        return Patience(to_seconds("retry_for", self.retry_for), stopping=self.is_killed)

    def is_retried(self, context: Any) -> bool:
        """Whether an earlier try of this task may have done its work, and died before it could say so.

        A task that was cleared is one, too.
        """
        return bool(context["ti"].try_number > 1)

    def is_killed(self) -> bool:
        """Whether Airflow wants this task to end."""
        return self._killed
