"""Label queries: the jobs of a label, and the rarest of several, with which a query begins."""

from sqlalchemy import ColumnElement, and_, exists

from services.status.read_model.tables import jobs, labels

Label = tuple[str, str]  #: name and value


def has_label(label: Label) -> ColumnElement[bool]:
    one = labels.alias()
    matching = and_(one.c.job == jobs.c.id, one.c.name == label[0], one.c.value == label[1])
    return exists().where(matching)


def labelled(project: str, label: Label) -> list[ColumnElement[bool]]:
    columns = (labels.c.project, labels.c.name, labels.c.value)
    return [column == value for column, value in zip(columns, (project, *label), strict=True)]
