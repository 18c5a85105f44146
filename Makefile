# Quadrille. `make run` and `make test` are all you need; `make help` lists the rest.
PY ?= python3
export SAM_CLI_TELEMETRY = 0
VENV = .venv/bin

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "make %-13s %s\n", $$1, $$2}'

setup: ## the environments, from pinned requirements
	@$(PY) local/setup.py

run: setup ## the whole system on this machine: build, deploy, ingest the samples, ask; until Ctrl-C
	@$(VENV)/python -m local run

up: setup ## the same stack in the background; it writes .local/stack.json
	@$(VENV)/python -m local up

down: setup ## stop the background stack
	@$(VENV)/python -m local down

test: setup ## every test: unit, integration, then the deployed stack
	@$(VENV)/python -m local test

check: setup ## format, lint, types, import direction, template
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/mypy
	PYTHONPATH=layers/core $(VENV)/lint-imports
	.local/envs/sam/bin/sam validate --lint --region us-east-1

build: setup ## sam build, for this interpreter and the template's architecture
	@$(VENV)/python -m local build

deploy: setup ## build, and deploy into your AWS account
	@$(VENV)/python -m local deploy

key: setup ## an API key: make key TENANT=acme [SCOPES="ask ingest act react"]
	@$(VENV)/python -m local key "$(TENANT)" $(SCOPES)

keys: setup ## a tenant's API keys: make keys TENANT=acme
	@$(VENV)/python -m local keys "$(TENANT)"

revoke: setup ## revoke one: make revoke KEY_ID=0123456789abcdef
	@$(VENV)/python -m local revoke "$(KEY_ID)"

source: setup ## a source of webhooks: make source TENANT=acme KIND=tickets|zendesk|freshdesk [SECRET=...]
	@$(VENV)/python -m local source "$(TENANT)" "$(KIND)" "$(SECRET)"

sources: setup ## a tenant's sources of webhooks: make sources TENANT=acme
	@$(VENV)/python -m local sources "$(TENANT)"

revoke-source: setup ## revoke one: make revoke-source SOURCE_ID=src_0123456789abcdef
	@$(VENV)/python -m local revoke-source "$(SOURCE_ID)"

dead-letters: setup ## what failed for good, by stage and consumer: make dead-letters [STAGE=embed] [CONSUMER=start_task]
	@$(VENV)/python -m local dead-letters $(if $(STAGE),stage=$(STAGE)) $(if $(CONSUMER),consumer=$(CONSUMER))

redrive: setup ## send dead letters back: make redrive STAGE=embed, or CONSUMER=start_task
	@$(VENV)/python -m local redrive $(if $(STAGE),stage=$(STAGE)) $(if $(CONSUMER),consumer=$(CONSUMER))

backfill: setup ## ingest what lies in the bucket: make backfill PREFIX=uploads/acme/ [INTO= LIMIT= IN_FLIGHT= DRY_RUN=1]
	@$(VENV)/python -m local backfill "$(PREFIX)" $(if $(INTO),into=$(INTO)) $(if $(LIMIT),limit=$(LIMIT)) \
		$(if $(IN_FLIGHT),in_flight=$(IN_FLIGHT)) $(if $(DRY_RUN),dry_run=true)

replay: setup ## events once more; says first what that costs: make replay SINCE=2026-11-28T09:00:00Z [UNTIL= TYPES= TENANT= CONSUMER= PLAY=1]
	@$(VENV)/python -m local replay $(if $(SINCE),since=$(SINCE)) $(if $(UNTIL),until=$(UNTIL)) $(if $(TYPES),types=$(TYPES)) \
		$(if $(TENANT),tenant=$(TENANT)) $(if $(CONSUMER),consumer=$(CONSUMER)) $(if $(PLAY),play=1)

secrets: setup ## the provider keys of .env into the stack's secrets
	@$(VENV)/python -m local secrets

invoke: setup ## sam local invoke (needs Docker): make invoke FUNCTION=ask/answer [EVENT=question]
	@$(VENV)/python -m local invoke "$(FUNCTION)" $(EVENT)

lock: setup ## pin the requirements again: make lock [UPGRADE=--upgrade]
	@UPGRADE="$(UPGRADE)" sh scripts/lock.sh

ask: setup ## an answer as it is written, over the WebSocket: make ask Q="How long is the warranty?"
	@$(VENV)/python -m local ask "$(Q)"

task: setup ## an agent's steps and its result: make task G="Search the documents for the battery warranty of the Aurora X2."
	@$(VENV)/python -m local task "$(G)"

logs: setup ## what the functions logged on the local stack
	@$(VENV)/python -m local logs

prices: setup ## the shipped price table, out of the pinned genai-prices
	@$(VENV)/python scripts/prices.py

openapi: setup ## the API's OpenAPI document, out of the functions
	@$(VENV)/python scripts/openapi.py

events: setup ## the catalogue of events and their JSON schemas, out of the code and the template
	@$(VENV)/python scripts/events.py

.PHONY: help setup run up down test check build deploy key keys revoke source sources revoke-source dead-letters redrive backfill replay secrets invoke lock ask task logs prices openapi events
