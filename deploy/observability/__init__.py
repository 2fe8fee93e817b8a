"""What Prometheus and Grafana need of this system: configuration, alert rules, dashboards."""
