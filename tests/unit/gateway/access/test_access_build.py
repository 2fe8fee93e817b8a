import subprocess
import sys

from deploy.local.processes import ROOT


def test_the_libraries_of_openid_connect_are_not_loaded_without_a_provider() -> None:
    program = "import sys, services.gateway.app; print('authlib' in sys.modules)"

    loaded = subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, text=True)

    assert loaded.strip() == "False"
