"""What every service process needs: settings, the bus, the registry, logs, health, serving."""
