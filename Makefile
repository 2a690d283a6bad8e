# What a newcomer types. Each target installs what it needs, says what it does, and ends with what it left out.
# The work is in tests/run/*.sh; nothing here has to be typed first.
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
HERE := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo test bench kills restart crashes panics upgrades conformance lint docs soak deb vendor-kit deb-check vendor-check clean

help: ## this list
	@echo 'make TARGET, from a fresh clone; each target installs what it needs (apt-get, rustup) and says so.'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(HERE)Makefile | expand -t 16
	@echo 'HEDDLE_NO_INSTALL=1 forbids installing. Without root a target runs what it can and lists the rest.'

setup: ## install all that the other targets need, run nothing
	@$(HERE)tests/run/setup.sh

demo: ## two hosts, one switch, real traffic (root), or memory ports (anyone): under a minute
	@$(HERE)tests/run/demo.sh

test: ## all tests, group by group; ONLY="unit tidy" runs some
	@$(HERE)tests/run/test.sh $(ONLY)

bench: ## cycles per packet, as "name value unit" lines and target/bench/results.json
	@$(HERE)tests/run/bench.sh $(ARGS)

soak: ## an hour of traffic on 256 ports, compressed into minutes: nothing may grow
	@$(HERE)tests/run/soak.sh $(ARGS)

kills: ## 1,000 kills at random points of random changes (root); KILLS=n SEED=n
	@KILLS=$(KILLS) SEED=$(SEED) $(HERE)tests/run/restart.sh kills

restart: ## 20 kills under traffic, frames lost and longest gap (root); KILLS=n
	@KILLS=$(KILLS) $(HERE)tests/run/restart.sh traffic

crashes: ## 20 each of SIGSEGV, abort, stack overflow and endless loop in an extension under traffic (root); CRASHES=n
	@CRASHES=$(CRASHES) $(HERE)tests/run/restart.sh crashes

panics: ## 10,000 panics of an extension at random places: each frame follows its policy, nothing grows; PANICS=n SEED=n
	@PANICS=$(PANICS) SEED=$(SEED) $(HERE)tests/run/restart.sh panics

upgrades: ## 100 upgrades of an extension under traffic, 100,000 connections a worker
	@UPGRADES=$(UPGRADES) CONNECTIONS=$(CONNECTIONS) PPS=$(PPS) $(HERE)tests/run/upgrades.sh

conformance: ## each misbehaving extension against every case; the harness in bare Debian 12 and 13 (root, network)
	@$(HERE)tests/run/conformance.sh $(ARGS)

lint: ## format, clippy, other architecture, rustdoc, licences, house rules
	@$(HERE)tests/run/lint.sh

docs: ## API reference in target/doc, manual pages in target/man, book in target/book
	@$(HERE)tests/run/docs.sh

deb: ## a Debian package in target/debian
	@$(HERE)tests/run/deb.sh

vendor-kit: ## what vendors install: a package and a tarball in target/vendor-kit
	@$(HERE)tests/run/vendor_kit.sh

deb-check: ## that package in a fresh Debian 12: install, demo, upgrade, remove, boot with systemd (root, network)
	@$(HERE)tests/run/deb_check.sh

vendor-check: ## the kit for vendors in a fresh Debian 12 without this tree: projects in C built, judged, signed (root, network)
	@$(HERE)tests/run/vendor_check.sh

clean: ## remove everything that was built
	@rm -rf $(HERE)target
