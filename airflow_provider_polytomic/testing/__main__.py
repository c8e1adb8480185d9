"""Command line of the emulator, which serves until it is interrupted or terminated."""

from __future__ import annotations

import argparse
import errno
import json
import signal
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any, get_args

from airflow_provider_polytomic.testing.faults import Fault
from airflow_provider_polytomic.testing.state import ExistingKey, Taken

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_EXISTING_KEY: dict[str, ExistingKey] = {str(choice): choice for choice in get_args(ExistingKey)}
_TAKEN: tuple[Taken, ...] = get_args(Taken)


def _fault(spec: str) -> Fault:
    try:
        return Fault.parse(spec)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_polytomic.testing",
        description="Serve an emulated Polytomic for tests and demonstrations, and print its keys.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=int, default=8766, help="port to listen on, 0 for any free one (default: %(default)s)")
    add("--partner-key", metavar="KEY", help="the partner key (default: a new one)")
    add("--deployment-key", metavar="KEY", help="an on-premises deployment key (default: none)")
    add(
        "--organization",
        metavar="NAME",
        default="Acme",
        help="the organization that exists at the start (default: %(default)s)",
    )
    add(
        "--user",
        metavar="EMAIL",
        action="append",
        help="a user of the organization; can be repeated (default: airflow@acme.example)",
    )
    add(
        "--delay-ms",
        metavar="N",
        type=float,
        default=0.0,
        help="milliseconds that every request takes (default: %(default)s)",
    )
    add(
        "--existing-key",
        choices=_EXISTING_KEY,
        default="second_key",
        help="result of Create API Key without force if the user has a key (default: %(default)s)",
    )
    add(
        "--existing-user",
        type=int,
        choices=_TAKEN,
        default=422,
        help="response if a user has the e-mail address (default: %(default)s)",
    )
    add(
        "--existing-name",
        type=int,
        choices=_TAKEN,
        default=409,
        help="response if another organization has the name (default: %(default)s)",
    )
    add("--no-replay-values", action="store_true", help="respond to a repeated Create API Key without the key")
    add(
        "--revocation-delay",
        metavar="SECONDS",
        type=float,
        default=0.0,
        help="how long a revoked key still works (default: %(default)s)",
    )
    add(
        "--fault",
        metavar="SPEC",
        type=_fault,
        action="append",
        default=[],
        help="a fault, such as 'status:503 endpoint=create_api_key times=2'; can be repeated",
    )
    add("--json", action="store_true", help="print the addresses, keys and ids as one line of JSON")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM, and return the exit status."""
    options = _parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        from airflow_provider_polytomic.testing import PolytomicEmulator

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            emulator = PolytomicEmulator(
                options.partner_key,
                deployment_key=options.deployment_key,
                host=options.host,
                port=options.port,
                delay=options.delay_ms / 1000,
                existing_key=_EXISTING_KEY[options.existing_key],
                existing_user=options.existing_user,
                existing_name=options.existing_name,
                replay_values=not options.no_replay_values,
                revocation_delay=options.revocation_delay,
            ).start()
    except (ImportError, OSError) as error:
        in_use = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        advice = ". Stop the other program, or choose another port with --port." if in_use else ""
        sys.stderr.write(f"The emulator did not start: {error}{advice}\n")
        return 1
    sys.stderr.writelines(f"Warning: {warning.message}\n" for warning in caught)
    organization = emulator.add_organization(options.organization)
    users = [emulator.add_user(organization.id, email) for email in options.user or ["airflow@acme.example"]]
    for fault in options.fault:
        emulator.inject(fault)
    facts = {
        "base_url": emulator.base_url,
        "partner_key": emulator.partner_key,
        "org_id": organization.id,
        "user_id": users[0].id,
        "users": {user.email: user.id for user in users},
    }
    sys.stdout.write(json.dumps(facts) + "\n" if options.json else _text(facts))
    sys.stdout.flush()
    stop.wait()
    emulator.stop()
    return 0


def _text(facts: dict[str, Any]) -> str:
    lines = [
        f"Polytomic emulator  {facts['base_url']}",
        f"partner key         {facts['partner_key']}",
        f"organization        {facts['org_id']}",
        *(f"user                {user_id}  {email}" for email, user_id in facts["users"].items()),
        "Press Ctrl-C to stop.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
