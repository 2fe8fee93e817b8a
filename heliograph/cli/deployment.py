"""Commands of a deployment, where its services run: health, provisioning, and users of its bus."""

import json
import re
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from heliograph.cli.command_runner import FAILED, USAGE, fail, run_command
from heliograph.client_errors import ClientError

if TYPE_CHECKING:
    from heliograph.runtime.nats_users import Login, NatsUser

app = typer.Typer()

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")


@app.command()
def health(
    service: Annotated[
        Literal["gateway", "render", "storage", "status"],
        typer.Argument(help="Run the deployment on this machine."),
    ],
) -> None:
    """Check whether a service is ready, for health checks: exit code 0, or 1 with the reasons."""
    from heliograph.runtime.readiness import missing_dependencies  # needs the packages of a service

    if missing := missing_dependencies(service):
        fail(f"{service}: {missing}", FAILED)


@app.command()
def provision(
    timeout: Annotated[
        float | None,
        typer.Option(
            min=1, help="Seconds to wait for NATS and the store. Default: as long as it takes."
        ),
    ] = None,
) -> None:
    """
    Create and update the streams of the deployment, once NATS responds.

    Services with HELIOGRAPH_PROVISION=false wait for this.
    """
    from heliograph.operator import provisioning  # needs the packages of a service
    from heliograph.runtime.settings import ServiceSettings
    from heliograph.runtime.startup import read_settings

    print(run_command(provisioning.provision(read_settings(ServiceSettings), timeout=timeout)))


@app.command(name="bus-user")
def bus_user(
    name: Annotated[
        str, typer.Argument(help="Name of the user: lower-case letters, digits and dashes.")
    ],
    project: Annotated[
        list[str], typer.Option("--project", "-p", help="Project of the user; may be repeated.")
    ],
    nkey: Annotated[
        bool,
        typer.Option("--nkey", help="Let the user sign in with an nkey instead of a password."),
    ] = False,
) -> None:
    """Create a NATS user for another service, which submits jobs to its projects and follows them."""
    from heliograph.contracts.ids import PROJECT_PATTERN, matches
    from heliograph.operator.bus_users import add_bus_user  # needs the packages of a service
    from heliograph.runtime.settings import ServiceSettings
    from heliograph.runtime.startup import read_settings

    if not _NAME.fullmatch(name):
        fail(f"{name} is not a name: use small letters, digits and dashes", USAGE)
    if wrong := [each for each in project if not matches(PROJECT_PATTERN, each)]:
        fail(f"{', '.join(wrong)}: no project can be called so", USAGE)
    try:
        login: Login = "nkey" if nkey else "password"
        user = add_bus_user(read_settings(ServiceSettings), name, project, login=login)
    except ClientError as error:
        fail(str(error), USAGE)
    shown = {"user": user.name, "inbox_prefix": f"_INBOX_{name}", "projects": user.projects}
    print(json.dumps(shown | (_nkey(user) if nkey else _password(user))))


def _nkey(user: "NatsUser") -> dict[str, str]:
    assert user.seed
    assert user.nkey
    return {"nkey": user.nkey, "seed": user.seed.get_secret_value()}


def _password(user: "NatsUser") -> dict[str, str]:
    assert user.password
    return {"password": user.password.get_secret_value()}
