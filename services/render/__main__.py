"""`python -m services.render`"""

from heliograph.runtime.server import serve
from heliograph.runtime.startup import read_settings
from services.render.app import create_app
from services.render.settings import RenderSettings

if __name__ == "__main__":
    settings = read_settings(RenderSettings)
    serve("render", settings, lambda: create_app(settings))
