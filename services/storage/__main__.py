"""`python -m services.storage`"""

import gc

from heliograph.runtime.deferred_modules import defer_modules

defer_modules()
gc.disable()  # what is imported stays; `serve` enables it again

from heliograph.runtime.server import serve
from heliograph.runtime.startup import read_settings
from services.storage.app import create_app
from services.storage.settings import StorageSettings

if __name__ == "__main__":
    settings = read_settings(StorageSettings)
    serve("storage", settings, lambda: create_app(settings))
