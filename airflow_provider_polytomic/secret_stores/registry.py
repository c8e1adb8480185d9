"""The secrets backends and URI schemes that have a store, here or in another installed package.

Another package registers a store as an entry point. Entry points are read only for a scheme or a backend that has no
store here, so none of them replaces a store of this package.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_polytomic._support.tracebacks import strip_traceback
from airflow_provider_polytomic.exceptions import PolytomicConfigurationError, SecretStoreConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from importlib.metadata import EntryPoint

    from airflow_provider_polytomic.secret_stores.base import SecretStore

__all__ = [
    "BACKENDS",
    "ENTRY_POINT_GROUP",
    "METASTORE_RECORD_SUFFIX",
    "RECORD_SUFFIX",
    "RECORD_SUFFIXES",
    "SCHEMES",
    "StoreBackend",
    "StoreModule",
    "StoreScheme",
    "find_backend",
    "find_scheme",
    "registered_names",
]

# The record is beside the value, not below it, because policies often allow one level only.
RECORD_SUFFIX = ".polytomic-issuance"
"""The end of the name of a record that is a secret of its own; no destination can have such a name."""
# Contains no word that Airflow would mask, so that the record of a Variable can be read in the UI.
METASTORE_RECORD_SUFFIX = "__polytomic_issuance"
RECORD_SUFFIXES = (RECORD_SUFFIX, METASTORE_RECORD_SUFFIX)
"""No destination ends in one of these, in any store."""
ENTRY_POINT_GROUP = "airflow_provider_polytomic.secret_stores"


@dataclass(frozen=True)
class StoreScheme:
    """A scheme of destinations outside Airflow: ``<scheme>://<conn_id>@<authority>/<name>?field=<field>``.

    :param form: how its URI is written, for error messages: ``acme-vault://<conn_id>@/<name>``.
    :param open: opens a store: ``open(destination, *, issuer, clients)`` returns a
        :class:`~airflow_provider_polytomic.secret_stores.base.SecretStore`. ``destination`` is a parsed
        :class:`~airflow_provider_polytomic.secret_stores.destination.Destination`, ``issuer`` the base URL of the
        Polytomic server, and ``clients`` the :class:`~airflow_provider_polytomic.secret_stores.factory.ClientCache`
        of the task.
    :param authority: what stands between ``@`` and the path, such as ``mount``; None if nothing does.
    :param fields: whether the key can be one field of several, named by ``?field=``.
    :param field: the field if the URI names none; None if the whole secret is then the key.
    """

    form: str
    open: Callable[..., SecretStore]
    authority: str | None = None
    fields: bool = False
    field: str | None = None


@dataclass(frozen=True)
class StoreBackend:
    """A secrets backend of Airflow that keys can be written to; its subclasses are served too.

    :param open: opens a store: ``open(backend, destination, *, issuer, clients)`` returns a
        :class:`~airflow_provider_polytomic.secret_stores.base.SecretStore`. ``backend`` is the instance that Airflow
        reads with; for the others see :class:`StoreScheme`.
    :param writer: whether the destination may name a connection that writes: ``airflow://<conn_id>@connection/<id>``.
    """

    open: Callable[..., SecretStore]
    writer: bool = False


_Row = TypeVar("_Row", StoreScheme, StoreBackend)


def find_scheme(name: str) -> StoreScheme | None:
    """Return the scheme of this name, or None if no installed package has it.

    :raises PolytomicConfigurationError: if the package that registers it cannot be used.
    """
    return SCHEMES.get(name) or _find_registered(name, StoreScheme)


def find_backend(names: Iterable[str]) -> StoreBackend | None:
    """Return the first secrets backend of these names, or None if no installed package has a store for it.

    :param names: of the class and its base classes, the nearest first.
    :raises PolytomicConfigurationError: if the package that registers it cannot be used.
    """
    names = list(names)
    if built_in := next((BACKENDS[name] for name in names if name in BACKENDS), None):
        return built_in
    return next((row for name in names if (row := _find_registered(name, StoreBackend))), None)


def registered_names() -> list[str]:
    """Return the names of the schemes and backends that other packages register."""
    return sorted(set(_entry_points()) - set(SCHEMES) - set(BACKENDS))


@cache
def _entry_points() -> dict[str, tuple[EntryPoint, ...]]:
    from importlib.metadata import entry_points

    points = entry_points(group=ENTRY_POINT_GROUP)
    return {name: tuple(points.select(name=name)) for name in points.names}


@cache
def _find_registered(name: str, row_type: type[_Row]) -> _Row | None:
    points = _entry_points().get(name, ())
    if not points:
        return None
    if len({point.value for point in points}) > 1:
        raise _unusable(points, "are two stores for one name", "Uninstall all but one of these packages")
    try:
        row = strip_traceback(points[0].load)()
    except Exception as error:  # noqa: BLE001 (an import of another package raises anything)
        problem = f"cannot be loaded ({type(error).__name__})"
    else:
        if isinstance(row, row_type):
            return replace(row, open=partial(_open_guarded, row.open, _describe(points)))
        problem = f"is no {row_type.__name__}"
    raise _unusable(points, problem, "Correct or uninstall this package")


def _open_guarded(open_: Callable[..., SecretStore], source: str, /, *args: Any, **kwargs: Any) -> SecretStore:
    # Imported here, because a DAG file that names a destination imports this module while it is parsed.
    from airflow_provider_polytomic.secret_stores.guard import guard_store

    destination, backend = args[-1], args[0] if len(args) > 1 else None  # a scheme's store has no backend
    return guard_store(open_(*args, **kwargs), source, kind=destination.kind, name=destination.name, backend=backend)


def _describe(points: Iterable[EntryPoint]) -> str:
    return " and ".join(f"{point.name} = {point.value} ({point.dist.name if point.dist else '?'})" for point in points)


def _unusable(points: Iterable[EntryPoint], problem: str, advice: str) -> PolytomicConfigurationError:
    # No error of a store: the destination is not checked yet and may hold a password, so no message may quote it.
    return PolytomicConfigurationError(
        f"In the entry point group {ENTRY_POINT_GROUP}, {_describe(points)} {problem}.",
        f"{advice} on every worker.",
        reason="registered_store_unusable",
        fields=["destination"],
    )


@dataclass(frozen=True)
class StoreModule:
    """A function of a module of this package that opens stores; the module is imported on first use.

    :param module: below this package.
    :param function: ``on_backend`` or ``on_connection``.
    :param extra: the extra of this distribution that installs the requirements of the module.
    """

    module: str
    function: str
    extra: str | None = None

    def __call__(self, *args: Any, issuer: str, clients: Any) -> SecretStore:
        """Open a store."""
        try:
            module = import_module(f"{__package__}.{self.module}")
        except ImportError as error:
            raise SecretStoreConfigurationError(
                f"{args[-1]} needs a package that is not installed here ({error.name or type(error).__name__}). No "
                f"request was sent. Install the extra {self.extra!r} on every worker, from your checkout or wheel, "
                f"such as: pip install '.[{self.extra}]'.",
                reason="package_missing",
            ) from None
        # A store outside Airflow holds the key alone, without the server that issued it.
        named = {"clients": clients} if self.function == "on_connection" else {"issuer": issuer, "clients": clients}
        store: SecretStore = getattr(module, self.function)(*args, **named)
        return store


# By the name of the class in Airflow's configuration.
BACKENDS = {
    "airflow.secrets.local_filesystem.LocalFilesystemBackend": StoreBackend(StoreModule("local.store", "on_backend")),
    "airflow.providers.hashicorp.secrets.vault.VaultBackend": StoreBackend(
        StoreModule("vault.opening", "on_backend", "hashicorp"), writer=True
    ),
    "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend": StoreBackend(
        StoreModule("aws.secrets_manager.store", "on_backend", "amazon"), writer=True
    ),
    "airflow.providers.amazon.aws.secrets.systems_manager.SystemsManagerParameterStoreBackend": StoreBackend(
        StoreModule("aws.parameter_store.store", "on_backend", "amazon"), writer=True
    ),
}

SCHEMES = {
    "vault": StoreScheme(
        "vault://<conn_id>@<mount>/<path>?field=api_key",
        StoreModule("vault.opening", "on_connection", "hashicorp"),
        authority="mount",
        fields=True,
        field="api_key",
    ),
    "aws-secretsmanager": StoreScheme(
        "aws-secretsmanager://<conn_id>@/<name>[?field=<field>]",
        StoreModule("aws.secrets_manager.store", "on_connection", "amazon"),
        fields=True,
    ),
    "aws-ssm": StoreScheme(
        "aws-ssm://<conn_id>@/<name>", StoreModule("aws.parameter_store.store", "on_connection", "amazon")
    ),
}
