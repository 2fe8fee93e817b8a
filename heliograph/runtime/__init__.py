"""Runtime of every service process: settings, bus, catalog, logs, health, serving."""
