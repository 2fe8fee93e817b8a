"""Configuration of Prometheus and Grafana: alert rules and dashboards."""
