# Everything a person runs in a checkout. Needs python3 (3.11 or later, with venv), make and git; the tools make their own
# virtual environments in $GRACEFUL_CACHE, by default ~/.cache/graceful-termination.
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
# Ansible does not start in these locales.
ifneq ($(filter C POSIX,$(LC_ALL)),)
export LC_ALL := C.UTF-8
endif

# The link through which Ansible and Python find this checkout as the collection graceful.termination.
collection := .collections/ansible_collections/graceful/termination

# with,NAME: put that virtual environment on PATH for the command that follows.
with = venv=$$(tools/venv $(1)) && PATH="$$venv/bin:$$PATH"

export SOURCE CONTEXT REPORT CHECK PYTHON ONLY

.PHONY: help demo audit remediate lint sanity unit fuzz coverage molecule test proof faults calibrate servers bench docs clean link

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

demo: link ## Audit, fix and audit again a copy of examples/ (in build/demo)
	@$(call with,manifests) tools/demo

audit: link ## Report what is lost when pods stop: SOURCE=<manifests, or - for stdin> or CONTEXT=<cluster> [REPORT=<folder>]
	@tools/play audit

remediate: link ## Fix it: SOURCE=<manifests> or CONTEXT=<cluster> [REPORT=<folder>] [CHECK=1: only show the diff]
	@tools/play remediate

lint: link ## ruff, its format, mypy, shellcheck, ansible-lint (production), changelog fragments, reuse
	@$(call with,dev) tools/lint

sanity: link ## ansible-test sanity
	@$(call with,dev) tools/sanity

unit: link ## Unit tests
	@$(call with,dev) sh -c 'tools/kind-node/build kustomize && pytest --numprocesses=auto --dist=worksteal'

fuzz: link ## What holds for every automatic change, on random inputs: 10,000 workloads, 200 Kustomize trees (half an hour)
	@$(call with,dev) sh -c 'tools/kind-node/build kustomize && FUZZ=1 pytest --numprocesses=auto --dist=worksteal tests/unit/fuzz'

coverage: link ## Branch coverage of the unit tests; reported, not gated [HTML=1: also build/coverage/html]
	@$(call with,coverage) sh -c 'tools/kind-node/build kustomize && coverage erase && \
		coverage run -m pytest --numprocesses=auto --dist=worksteal && coverage combine --quiet && coverage report && { [ -z "$(HTML)" ] || coverage html; }'

molecule: link ## All Molecule scenarios, on kind
	@$(call with,dev) tools/molecule

test: link ## lint, sanity, unit and molecule; logs in build/test
	@$(call with,dev) tools/test

proof: link ## The six faults on kind, before and after the remedy: docs/proof.md [ONLY=signals,rollout: some, and no page]
	@$(call with,dev) tools/proof

bench: link ## How fast it is, side by side with the alternatives (half an hour): docs/performance.md
	@$(call with,dev) PYTHONPATH=tests:tools:.collections python -m benchmarks

faults: link ## Servers and runs killed, tokens, conflicts, throttling, while a real cluster is patched (half an hour)
	@$(call with,dev) PYTHONPATH=tests:tools:.collections python -m faults

calibrate: link ## What the audit predicts of 24 variants, and what a drill of each shows on kind (40 minutes): docs/calibration.md
	@$(call with,dev) tools/calibrate

servers: link ## Servers of the catalogue stopped on kind with requests under way (half an hour): docs/servers-on-kind.md [ONLY=names] [AGAIN=1]
	@$(call with,dev) tools/calibrate servers $(if $(ONLY),--only $(ONLY)) $(if $(AGAIN),--again)

docs: link ## Write the pages and pictures of docs/, and the options of the roles, that are made from the project itself
	@$(call with,cluster) tools/docs

clean: ## Remove build/
	@rm -rf build

link:
	@[ -L $(collection) ] || { rm -rf $(collection) && mkdir -p $(dir $(collection)) && ln -s ../../.. $(collection); }
