"""`python -m services.render`"""

from heliograph.runtime.serving import serve
from services.render.app import create_app
from services.render.settings import RenderSettings

if __name__ == "__main__":
    settings = RenderSettings()
    serve("render", settings, lambda: create_app(settings))
