"""A record that the database does not take is told from a database that does not answer."""

import pytest

from heliograph.contracts.assets import Asset
from heliograph.contracts.errors import Unavailable
from heliograph.contracts.records import Record
from services.status.read_model import Unstorable
from services.status.read_model.rows import Row
from services.status.read_model.sql import SqlReadModel
from tests.support.records import a_record


def too_large() -> Record:
    """With a number that no column has room for."""
    asset = Asset(id="a", index=0, media_type="x", bytes=10**30, sha256="0")
    return a_record().model_copy(update={"assets": [asset]})


def of_no_job() -> Record:
    """With a reference to what cannot be the name of an asset."""
    record = a_record(references=[{"url": "https://a.example"}])
    [reference] = record.references
    odd = reference.model_copy(update={"url": None, "asset": "nothing"})
    return record.model_copy(update={"references": [odd]})


@pytest.mark.parametrize("odd", [too_large, of_no_job])
async def test_a_record_that_never_fits_is_unstorable_and_changes_nothing(
    read_model: SqlReadModel, odd: object
) -> None:
    assert callable(odd)

    with pytest.raises(Unstorable):
        await read_model.apply([Row(1, a_record()), Row(2, odd())], 0, 2)

    assert await read_model.cursor() == 0


async def test_a_database_that_is_gone_makes_no_record_unstorable(read_model: SqlReadModel) -> None:
    async with read_model._database.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE jobs RENAME TO elsewhere")

    with pytest.raises(Unavailable):
        await read_model.apply([Row(1, a_record())], 0, 1)
