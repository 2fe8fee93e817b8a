"""Commands for backup and restore, on the operator's machine."""

import os
from pathlib import Path
from typing import Annotated

import typer

from heliograph.cli.command_runner import run_command

app = typer.Typer()

Folder = Annotated[Path, typer.Argument(help="Folder of the backup.")]


@app.command()
def backup(
    folder: Folder,
    objects: Annotated[
        bool,
        typer.Option(
            help=(
                "Also copy pictures and films; objects that the folder already has are not copied "
                "again."
            )
        ),
    ] = True,
) -> None:
    """
    Copy the deployment into a folder: jobs, slots, keys, settings, and objects. Services may run.

    The read model is not part of it; it is rebuilt from the log.
    """
    from heliograph.operator import backups  # needs the packages of a service

    os.umask(0o077)  # all prompts and pictures are in it
    manifest = run_command(backups.save_backup(folder, with_objects=objects))
    copied = "no objects" if manifest.objects is None else f"{manifest.objects} objects"
    print(f"{folder}: {len(manifest.streams)} streams and buckets, {copied}")


@app.command()
def restore(
    folder: Folder,
    run_unsent: Annotated[
        bool,
        typer.Option(
            "--run-unsent",
            help="Run jobs that wait in the backup; only if none was submitted after the backup.",
        ),
    ] = False,
) -> None:
    """
    Put a backup into an empty NATS and its store, before any service is started.

    Waiting jobs fail unless they are free: they may have been submitted and charged after the backup.
    """
    from heliograph.operator import backups  # needs the packages of a service

    report = run_command(backups.restore_backup(folder, run_unsent=run_unsent))
    print(f"{report.streams} streams and buckets, {report.objects} objects restored")
    if report.failed_jobs:
        print(f"{report.failed_jobs} jobs may have been submitted after the backup, and failed")
