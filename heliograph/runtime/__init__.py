"""What every service process needs: settings, the bus, the catalog, logs, health, serving."""
