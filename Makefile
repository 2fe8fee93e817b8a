.DEFAULT_GOAL := help
SHELL := /bin/bash

VENV := .venv
PYTHON := $(VENV)/bin/python
UV := $(shell command -v uv || echo .tools/bin/uv)
INSTALLED := $(VENV)/.installed
MINIO := .tools/bin/minio
PROMETHEUS := .tools/bin/prometheus
HELM := .tools/bin/helm
SCHEMAS := .tools/schemas/.installed
KUBERNETES := .tools/kubernetes/.installed
ETCD := $(shell command -v etcd || echo .tools/bin/etcd)
PYTEST := $(VENV)/bin/pytest --numprocesses 3 --no-loadscope-reorder

# Node comes from PyPI; npm runs the one that is first on the path
NPM := PATH="$(CURDIR)/$(VENV)/bin:$$PATH" npm
NODE_PACKAGES := node_modules/.installed
CLIENT := clients/typescript/dist/heliograph.js
CLIENT_CHECKED := node_modules/.client-checked
CLIENT_SOURCES := $(shell find clients/typescript -type f \
	-not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/generated/*') \
	$(wildcard tests/contract/golden/*.json)

CONSOLE := console/dist/index.html
CONSOLE_CHECKED := node_modules/.console-checked
CONSOLE_SOURCES := $(shell find console -type f -not -path '*/node_modules/*' -not -path '*/dist/*')

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## Start everything, make three pictures, show them, stop; PROVIDER=fal uses FAL_KEY
	@$(PYTHON) -m deploy.local demo $(if $(PROVIDER),--provider $(PROVIDER))

up: $(INSTALLED) web ## Start everything and stay; Ctrl-C stops it
	@$(PYTHON) -m deploy.local up

check: $(INSTALLED) check-client check-console ## Format, lint, types, import rules and declared dependencies
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/deptry heliograph services deploy bench
	$(VENV)/bin/deptry tests --exclude nothing --ignore DEP002,DEP004

client: $(CLIENT) ## Build the TypeScript client

check-client: $(CLIENT_CHECKED) ## Format, lint, types, package and unit tests of the TypeScript client

console: $(CONSOLE) ## Build the console, which the gateway serves

check-console: $(CONSOLE_CHECKED) ## Format, types and unit tests of the console

# without npm or its registry, everything but pages in a browser works; CI wants all of it
web:
	@$(MAKE) --no-print-directory client console \
		|| { [ -z "$$CI" ] && echo 'The TypeScript client and the console were not built'; }

test: $(INSTALLED) web ## All tests, against real servers
	$(PYTEST)

test-minio: $(INSTALLED) $(MINIO) ## Stores and the whole, against a real MinIO (needs Go, once)
	HELIOGRAPH_TEST_MINIO=$(CURDIR)/$(MINIO) HELIOGRAPH_TEST_CONTAINERS=off \
		$(PYTEST) tests/contract/test_stores.py tests/e2e

test-containers: $(INSTALLED) $(MINIO) ## What talks to servers, with these in containers (Linux, Docker)
	@$(call image,nats-server,$(VENV)/bin)
	@$(call image,minio,.tools/bin)
	HELIOGRAPH_TEST_CONTAINERS=on \
	HELIOGRAPH_TEST_NATS_IMAGE=heliograph-test/nats-server HELIOGRAPH_TEST_S3_IMAGE=heliograph-test/minio \
		$(PYTEST) tests/contract/test_buses.py tests/contract/test_stores.py \
		tests/integration tests/e2e

chaos: $(INSTALLED) ## Break everything for minutes, then kill at every step; an hour
	$(VENV)/bin/pytest -s tests/chaos/long_storm.py tests/chaos/long_freeze.py
	CRASH_ROUNDS=20 PAGE_CUTS=1000 $(VENV)/bin/pytest -s tests/chaos/test_crash_points.py \
		tests/chaos/test_fal_crash_points.py tests/chaos/test_typescript_client.py tests/chaos/test_page_disconnects.py

chaos-cluster: $(INSTALLED) $(MINIO) ## A storm over three NATS servers, MinIO and PostgreSQL; minutes (needs Go, once)
	HELIOGRAPH_TEST_MINIO=$(CURDIR)/$(MINIO) $(VENV)/bin/pytest -s tests/chaos/cluster_storm.py

PROFILE := short

bench: $(INSTALLED) ## Measure everything, next to peers; PROFILE=full takes longer
	$(PYTHON) -m bench all --profile $(PROFILE)

prometheus: $(PROMETHEUS) ## Prometheus and promtool of Debian, for the tests of alerts and dashboards

helm: $(HELM) $(SCHEMAS) ## Helm, and the schemas of Kubernetes, for the tests of the chart (needs Go, once)

test-chart: $(INSTALLED) $(HELM) $(SCHEMAS) ## The Helm chart: rendered, linted and validated for every example
	HELIOGRAPH_TEST_CHART=on $(PYTEST) tests/unit/deploy/test_chart.py tests/unit/deploy/test_chart_pods.py tests/unit/deploy/test_chart_network.py

kubernetes: $(KUBERNETES) $(ETCD) $(HELM) ## The control plane of Kubernetes, and kwok for nodes (needs Go, once)

test-kubernetes: $(INSTALLED) $(KUBERNETES) $(ETCD) $(HELM) ## The Helm chart on a real API server: installed, upgraded, rolled back
	HELIOGRAPH_TEST_KUBERNETES=on $(VENV)/bin/pytest --numprocesses 0 tests/kubernetes

test-alerts: $(INSTALLED) $(PROMETHEUS) ## Alert rules and dashboards, by promtool and a real Prometheus
	$(PYTEST) tests/unit/deploy/test_alerts.py tests/unit/deploy/test_dashboards.py \
		tests/e2e/test_dashboard_queries.py

dashboards: $(INSTALLED) ## Write the Grafana dashboards anew; review what changed
	$(PYTHON) -m deploy.observability.dashboards

format: $(INSTALLED) ## Let the tools put the code in order
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

golden: $(INSTALLED) ## Write the published schemas anew; review what changed
	$(PYTHON) -m tests.support.golden

seeds: $(INSTALLED) ## Search again for the schedules in which mutants break a promise
	@$(PYTHON) -m tests.simulation.mutant_seeds

lock: $(UV) ## Choose the versions of all dependencies anew
	$(UV) pip compile --quiet --universal --generate-hashes --no-header --extra local --extra postgres \
		--extra otel --group dev --group tools --python-version 3.11 --upgrade --output-file requirements.lock pyproject.toml
	$(UV) pip compile --quiet --universal --generate-hashes --no-header --group peers --python-version 3.11 \
		--upgrade --output-file bench/peers/requirements.lock
	$(UV) pip compile --quiet --universal --generate-hashes --no-header --group containers --python-version 3.11 \
		--upgrade --output-file deploy/images/requirements.lock
	$(UV) pip compile --quiet --universal --generate-hashes --no-header --group schemas --python-version 3.11 \
		--upgrade --output-file deploy/helm/requirements.lock

setup: $(INSTALLED) ## Install what everything else needs

$(INSTALLED): requirements.lock pyproject.toml | $(UV)
	@$(UV) venv --quiet --allow-existing $(VENV)
	@$(UV) pip install --quiet --python $(PYTHON) --require-hashes --compile-bytecode -r requirements.lock
	@$(UV) pip install --quiet --python $(PYTHON) --no-deps --no-build-isolation --editable .
	@touch $@

$(NODE_PACKAGES): package-lock.json | $(INSTALLED)
	@$(NPM) ci --ignore-scripts --no-audit --no-fund --prefer-offline --loglevel error
	@touch $@

$(CLIENT): $(CLIENT_SOURCES) $(NODE_PACKAGES)
	@$(NPM) run build --silent --workspace clients/typescript
	@touch $@

$(CLIENT_CHECKED): $(CLIENT)
	@for step in check check-package test; do \
		$(NPM) run $$step --silent --workspace clients/typescript || exit 1; done
	@touch $@

$(CONSOLE): $(CONSOLE_SOURCES) $(CLIENT) $(NODE_PACKAGES)
	@$(NPM) run build --silent --workspace console -- --logLevel warn
	@touch $@

$(CONSOLE_CHECKED): $(CONSOLE_SOURCES) $(CLIENT) $(NODE_PACKAGES)
	@$(NPM) run check --silent --workspace console
	@$(NPM) run test --silent --workspace console -- --silent --reporter=dot
	@touch $@

$(MINIO):
	@command -v go >/dev/null || { echo 'MinIO is built from source: install Go, https://go.dev/dl' >&2; exit 1; }
	@echo 'Building MinIO; once, a few minutes'
	@CGO_ENABLED=0 GOBIN=$(CURDIR)/$(@D) go install -trimpath -ldflags '-s -w' github.com/minio/minio@latest

# from Debian's archive, not installed: that needs no root, and starts nothing
$(PROMETHEUS):
	@command -v apt-get >/dev/null || { echo 'Install Prometheus: https://prometheus.io/download' >&2; exit 1; }
	@mkdir -p $(@D) .tools/prometheus
	@cd .tools/prometheus && apt-get download -qq -o APT::Sandbox::User=root prometheus && dpkg-deb --extract prometheus_*.deb .
	@cp .tools/prometheus/usr/bin/prom* $(@D)
	@rm -rf .tools/prometheus

# without a cluster, Helm takes this version of Kubernetes; built from source, it would take 1.20
HELM_KUBERNETES := $(foreach package,chartutil lint/rules,\
	-X helm.sh/helm/v3/pkg/$(package).k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/$(package).k8sVersionMinor=37)

$(HELM):
	@command -v go >/dev/null || { echo 'Helm is built from source: install Go, https://go.dev/dl' >&2; exit 1; }
	@echo 'Building Helm; once, a few minutes'
	@CGO_ENABLED=0 GOBIN=$(CURDIR)/$(@D) go install -trimpath -ldflags '-s -w $(HELM_KUBERNETES)' helm.sh/helm/v3/cmd/helm@v3.22.0

# Kubernetes has to be built with libraries of the same release, which `go install` of a version does not do
CONTROL_PLANE := tests/support/kubernetes
# a version that is not linked in is none, which Helm and kubectl cannot read
KUBERNETES_VERSION := $(foreach name,gitVersion=v1.36.3 gitMajor=1 gitMinor=36,-X k8s.io/component-base/version.$(name))
KWOK := sigs.k8s.io/kwok@v0.8.0
KEDA := github.com/kedacore/keda/v2@v2.18.3
PROMETHEUS_OPERATOR := github.com/prometheus-operator/prometheus-operator@v0.93.1
go_module = $$(go mod download -json $(1) | sed -n 's/^\t"Dir": "\(.*\)",/\1/p')

$(KUBERNETES): $(CONTROL_PLANE)/go.mod $(CONTROL_PLANE)/go.sum
	@command -v go >/dev/null || { echo 'Kubernetes is built from source: install Go, https://go.dev/dl' >&2; exit 1; }
	@echo 'Building the control plane of Kubernetes; once, ten minutes'
	@mkdir -p .tools/bin $(@D)/stages $(@D)/crds
	@cd $(CONTROL_PLANE) && CGO_ENABLED=0 GOBIN=$(CURDIR)/.tools/bin go install -ldflags '-s -w $(KUBERNETES_VERSION)' tool
	@CGO_ENABLED=0 GOBIN=$(CURDIR)/.tools/bin go install -ldflags '-s -w' $(subst @,/cmd/kwok@,$(KWOK))
	@install -m 644 $(call go_module,$(KWOK))/kustomize/stage/{node/fast/node,pod/fast/pod}-*.yaml $(@D)/stages
	@install -m 644 $(call go_module,$(KEDA))/config/crd/bases/keda.sh_{scaledobjects,triggerauthentications}.yaml $(@D)/crds
	@install -m 644 $(call go_module,$(PROMETHEUS_OPERATOR))/example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml $(@D)/crds
	@touch $@

.tools/bin/etcd:
	@command -v apt-get >/dev/null || { echo 'Install etcd: https://etcd.io/docs/latest/install' >&2; exit 1; }
	@mkdir -p $(@D) .tools/etcd
	@cd .tools/etcd && apt-get download -qq -o APT::Sandbox::User=root etcd-server && dpkg-deb --extract etcd-server_*.deb .
	@cp .tools/etcd/usr/bin/etcd $(@D)
	@rm -rf .tools/etcd

# apart from everything else: one of its packages is a plugin of pytest, which every test would load
$(SCHEMAS): deploy/helm/requirements.lock | $(UV)
	@$(UV) venv --quiet --allow-existing .tools/schemas
	@$(UV) pip install --quiet --python .tools/schemas --require-hashes -r deploy/helm/requirements.lock
	@touch $@

# an image of one program, without any registry
image = tar --create --directory=$(2) $(1) --directory=$(CURDIR)/tests/support/servers Dockerfile \
	| docker build --quiet --tag heliograph-test/$(1) --build-arg PROGRAM=$(1) -

# the part of the lock that is about uv: the pip that comes with Python checks its hashes
.tools/bin/uv: requirements.lock
	@python3 -m venv .tools
	@awk '/^[^ ]/ {in_uv = /^uv==/} in_uv' requirements.lock > .tools/uv.txt
	@.tools/bin/pip install --quiet --disable-pip-version-check --require-hashes -r .tools/uv.txt
	@touch $@

# Compose as a plugin of Docker, or as its own program
CONTAINER_TOOLS := .tools/containers/.installed
COMPOSE = $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo $(CURDIR)/.tools/containers/compose)
BASE :=

images: $(INSTALLED) ## Build the images of the services; BASE=python:3.13-slim builds on a published one
	@$(PYTHON) -m deploy.images $(if $(BASE),--base $(BASE))

server-images: $(INSTALLED) $(CONTAINER_TOOLS)
	@$(PYTHON) -m deploy.images --servers $(if $(BASE),--base $(BASE))

secrets: $(INSTALLED) ## Make the keys, passwords and certificates of deploy/compose.yaml that are missing
	@$(PYTHON) -m deploy.compose.secret_files

compose-demo: images server-images secrets ## Make a picture in containers, all of them built here (Linux, Docker)
	@$(PYTHON) -m deploy.compose.demo $(COMPOSE)

test-deploy: images server-images secrets ## What is in the images, and all of them together
	HELIOGRAPH_TEST_COMPOSE="$(COMPOSE)" $(VENV)/bin/pytest --numprocesses 0 tests/deploy

$(CONTAINER_TOOLS): deploy/images/requirements.lock | $(UV)
	@$(UV) venv --quiet --allow-existing .tools/containers
	@$(UV) pip install --quiet --python .tools/containers --require-hashes -r deploy/images/requirements.lock
	@ln -sf $$(cd .tools/containers && echo lib/python3*/site-packages/compose/docker-compose) .tools/containers/compose
	@touch $@

.PHONY: images server-images secrets compose-demo test-deploy
.PHONY: helm test-chart kubernetes test-kubernetes
.PHONY: help demo up check check-client check-console client console web test test-minio test-containers test-alerts prometheus dashboards chaos chaos-cluster bench format golden lock setup seeds
