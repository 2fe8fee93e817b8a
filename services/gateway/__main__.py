"""`python -m services.gateway`"""

from heliograph.runtime.serving import serve
from services.gateway.app import create_app
from services.gateway.settings import GatewaySettings

if __name__ == "__main__":
    settings = GatewaySettings()
    serve("gateway", settings, lambda: create_app(settings))
