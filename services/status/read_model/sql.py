"""The read model in SQL: SQLite by default, PostgreSQL for several machines."""

from services.status.read_model.sql_jobs import SqlJobs
from services.status.read_model.sql_maintenance import SqlMaintenance
from services.status.read_model.sql_projection import SqlProjection
from services.status.read_model.sql_slots import SqlSlots


class SqlReadModel(SqlProjection, SqlJobs, SqlSlots, SqlMaintenance):
    """`ReadModel` in one database. `url` is SQLAlchemy's, with an async driver; raises UnsupportedDatabase."""
