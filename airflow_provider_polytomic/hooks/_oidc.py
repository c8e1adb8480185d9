"""As whom does Polytomic sign in at a customer's OIDC provider? As the client that an Airflow connection holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_polytomic.bare import bare
from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["OidcClient", "read_oidc_client"]


@dataclass(frozen=True)
class OidcClient:
    """A client of an identity provider.

    :param client_id: the connection's login.
    :param client_secret: its password, which Airflow masks by itself.
    """

    client_id: str
    client_secret: Secret


@bare
def read_oidc_client(conn_id: str, get_connection: Callable[[str], Any]) -> OidcClient:
    """Read the connection, of whatever type.

    :raises PolytomicConfigurationError: if there is none, or its login or password is empty or cannot be sent.
    """
    try:
        connection = get_connection(conn_id)
    except AirflowNotFoundException:
        connection = None
    if connection is None:
        what = "no connection"
    elif not connection.login or not connection.password:
        what = "no login and password in the connection"
    else:
        try:
            return OidcClient(connection.login, Secret(connection.password))
        except ValueError:
            what = "no password that can be sent in the connection"
    raise PolytomicConfigurationError(
        f"Airflow finds {what} {conn_id!r} (oidc_conn_id).",
        "Put the client id into its login and the client secret into its password.",
        state="Nothing was changed.",
    )
