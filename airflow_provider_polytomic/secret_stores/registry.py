"""Which stores are there? One row for each: what it serves, which module it is in, which extra brings what it needs."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BACKENDS", "RECORD_SUFFIX", "SCHEMES", "BackendSupport", "Scheme"]

# Of a record that is a secret of its own, beside the value: not below it, because policies often allow one level only.
RECORD_SUFFIX = ".polytomic-issuance"


@dataclass(frozen=True)
class BackendSupport:
    """A secrets backend of Airflow that keys can be written to, subclasses included.

    :param module: in this package; its ``on_backend`` makes the store.
    :param extra: of this distribution.
    :param writer: whether a connection of its own may be named to write with.
    """

    module: str
    extra: str | None = None
    writer: bool = True


@dataclass(frozen=True)
class Scheme:
    """A kind of destination outside Airflow.

    :param form: how its URI is written.
    :param module: in this package; its ``on_connection`` makes the store.
    :param extra: of this distribution.
    :param authority: what stands between ``@`` and the path; None where nothing does.
    :param fields: whether the key may be one field of several, named by ``?field=``.
    :param field: the one that is meant where the URI names none; None: the whole secret is the key.
    """

    form: str
    module: str
    extra: str
    authority: str | None = None
    fields: bool = False
    field: str | None = None


# By the class as Airflow's configuration names it.
BACKENDS = {
    "airflow.secrets.local_filesystem.LocalFilesystemBackend": BackendSupport("local.store", writer=False),
    "airflow.providers.hashicorp.secrets.vault.VaultBackend": BackendSupport("vault.opening", "hashicorp"),
    "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend": BackendSupport(
        "aws.secrets_manager.store", "amazon"
    ),
    "airflow.providers.amazon.aws.secrets.systems_manager.SystemsManagerParameterStoreBackend": BackendSupport(
        "aws.parameter_store.store", "amazon"
    ),
}

SCHEMES = {
    "vault": Scheme(
        "vault://<conn_id>@<mount>/<path>?field=api_key",
        "vault.opening",
        "hashicorp",
        "mount",
        fields=True,
        field="api_key",
    ),
    "aws-secretsmanager": Scheme(
        "aws-secretsmanager://<conn_id>@/<name>[?field=<field>]", "aws.secrets_manager.store", "amazon", fields=True
    ),
    "aws-ssm": Scheme("aws-ssm://<conn_id>@/<name>", "aws.parameter_store.store", "amazon"),
}
