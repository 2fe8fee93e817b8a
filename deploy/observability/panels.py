"""Panels of the dashboards: each a few queries to Prometheus, with a unit."""

from collections.abc import Iterable

from grafana_foundation_sdk.builders import common
from grafana_foundation_sdk.builders.dashboard import Dashboard, DatasourceVariable, Row
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.timeseries import Panel
from grafana_foundation_sdk.models.common import (
    LegendDisplayMode,
    LegendPlacement,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import DataSourceRef

_SOURCE = DataSourceRef(type_val="prometheus", uid="${source}")
_HEIGHT, _WIDTH = 8, 8  #: of a grid that is 24 wide

Query = tuple[str, str]  #: an expression, and the legend of its series


def graph(title: str, *queries: Query, unit: str = "short", description: str = "") -> Panel:
    """A graph over time, from zero; `unit` is one of Grafana's."""
    panel = (
        Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .min(0)
        .datasource(_SOURCE)
        .height(_HEIGHT)
        .span(_WIDTH)
        .fill_opacity(10)
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
        )
    )
    for number, (expression, legend) in enumerate(queries):
        name = chr(ord("A") + number)
        panel = panel.with_target(Dataquery().ref_id(name).expr(expression).legend_format(legend))
    return panel


def dashboard(name: str, rows: Iterable[tuple[str, Iterable[Panel]]]) -> Dashboard:
    """A dashboard of rows; `name` is in its title and at the end of its address."""
    made = (
        Dashboard(f"Heliograph: {name}")
        .uid(f"heliograph-{name}")
        .tags(["heliograph"])
        .refresh("30s")
        .time("now-6h", "now")
        .with_variable(DatasourceVariable("source").label("Prometheus").type("prometheus"))
    )
    for heading, panels in rows:
        made = made.with_row(Row(heading))
        for panel in panels:
            made = made.with_panel(panel)
    return made


def per_second(metric: str, *by: str, legend: str = "") -> Query:
    """Rate of a counter, added up over processes."""
    return _rate(metric, *by), legend or _legend(by)


def per_hour(metric: str, *by: str) -> Query:
    """Increase of a counter within an hour, over all processes."""
    return f"sum by ({', '.join(by)}) (increase({metric}[1h]))", _legend(by)


def quantile(part: float, metric: str, *by: str) -> Query:
    """Quantile of a histogram, over all processes."""
    return f"histogram_quantile({part}, {_rate(f'{metric}_bucket', 'le', *by)})", _legend(by)


def highest(metric: str, *by: str, legend: str = "") -> Query:
    """Maximum of a gauge that several processes show, each for all of them."""
    return f"max by ({', '.join(by)}) ({metric})", legend or _legend(by)


def added(metric: str, *by: str, legend: str = "") -> Query:
    """Sum of a gauge or a counter that each process shows for itself."""
    return f"sum by ({', '.join(by)}) ({metric})", legend or _legend(by)


def each(expression: str) -> Query:
    """Value of every process by itself."""
    return expression, "{{service}} {{instance}}"


def _rate(metric: str, *by: str) -> str:
    return f"sum by ({', '.join(by)}) (rate({metric}[$__rate_interval]))"


def _legend(labels: Iterable[str]) -> str:
    return " ".join(f"{{{{{label}}}}}" for label in labels)
