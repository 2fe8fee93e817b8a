"""`python -m services.render`"""

import gc

from heliograph.runtime.deferred_modules import defer_modules

defer_modules()
gc.disable()  # what is imported stays; `serve` enables it again

from heliograph.runtime.server import serve
from heliograph.runtime.startup import read_settings
from services.render.app import create_app
from services.render.settings import RenderSettings

if __name__ == "__main__":
    settings = read_settings(RenderSettings)
    serve("render", settings, lambda: create_app(settings))
