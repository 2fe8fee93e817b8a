"""
Validates objects of Kubernetes, without a cluster: `python kubernetes_schemas.py VERSION… < objects.yaml`.

A program of its own, in the environment that `make helm` makes: it brings the schemas of every version.
"""

import importlib
import sys
from typing import Any

import kubernetes_validate
import yaml

#: kinds that are not Kubernetes' own, by group: the module with a model of each
MODELS = {
    "keda.sh/v1alpha1": "cloudcoil.models.keda.v1alpha1",
    "monitoring.coreos.com/v1": "cloudcoil.models.prometheus_operator.v1",
}


def validate(item: dict[str, Any], versions: list[str]) -> None:
    """Raises ValidationError of the schema, or of the model; unknown fields are errors, too."""
    if module := MODELS.get(item["apiVersion"]):
        model = getattr(importlib.import_module(module), item["kind"])
        model.model_validate(item, extra="forbid")
        return
    for version in versions:
        kubernetes_validate.validate(item, version, strict=True)


def main() -> int:
    """Exit code 0: all are valid; 1: one is not, and standard error says which, and why."""
    for item in filter(None, yaml.safe_load_all(sys.stdin)):
        try:
            validate(item, sys.argv[1:])
        except Exception as error:  # noqa: BLE001  # each library has errors of its own
            sys.stderr.write(f"{item['kind']} {item['metadata']['name']}: {error}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
