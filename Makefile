# make demo    open the UI on a capture that ships with the project (CAPTURE=FILE: on another)
# make test    run every test, on the compiled build and on plain Python (ARGS: more arguments for pytest;
#              with -j2 on both builds at once)
# make bench   compare with tshark and other readers: half an hour (BENCH="--scale 0.1": some minutes)
# make lint    ruff, and mypy in strict mode
# make clean   remove what these have made
#
# Needs Python 3.11 or later with venv, make and git, and uses a C compiler where there is one.

PYTHON ?= python3
CAPTURE ?= captures/nginx-publish-play.pcap
# What the tests run, and the packages of Debian that have it.
TOOLS := tshark:tshark ffmpeg:ffmpeg tmux:tmux
TOOLS += tcpdump:tcpdump dumpcap:wireshark-common
TOOLS += ip:iproute2 ethtool:ethtool
TOOLS += nginx:nginx-light /usr/lib/nginx/modules/ngx_rtmp_module.so:libnginx-mod-rtmp

VENV_compiled := .venv
VENV_pure := .venv-pure
PURE_compiled := 0
PURE_pure := 1
SELECT_pure := -m "not compiled"
SOURCES := $(shell find rtmpscope -name '*.py' -o -name '*.json') pyproject.toml hatch_build.py

.PHONY: demo test bench lint clean tools
.SECONDARY:
.DELETE_ON_ERROR:

demo: build/compiled/installed
	.venv/bin/rtmpscope $(CAPTURE)

test: test-compiled test-pure

# The suite runs in a copy of the project without the package, so that what it imports is what was installed.
# What a machine lacks must not pass for tested: a skipped test is a failure here.
test-%: tools build/%/with-test
	@rm -rf build/suite-$* && mkdir build/suite-$*
	@cp -R $(filter-out rtmpscope build,$(wildcard *)) build/suite-$*
	@if test $* = compiled && test -e build/$*/*-none-any.whl; then echo "No compiled build to test here."; else set -x; \
	    cd build/suite-$* && ../../$(VENV_$*)/bin/python -m pytest -p tests.no_skips $(SELECT_$*) $(ARGS); fi

bench: build/compiled/with-test build/pure/installed
	.venv/bin/python -m bench.run $(BENCH)

lint: build/pure/with-dev
	.venv-pure/bin/ruff check
	.venv-pure/bin/mypy

clean:
	rm -rf build .venv .venv-pure

build/%/wheel: $(SOURCES)
	@test -x $(VENV_$*)/bin/python || { set -x; $(PYTHON) -m venv $(VENV_$*); }
	@rm -rf $(@D) && mkdir -p $(@D)
	@echo "building rtmpscope ($*)"
	@RTMPSCOPE_PURE=$(PURE_$*) $(VENV_$*)/bin/pip wheel --verbose --no-deps --wheel-dir $(@D) . >$(@D)/log 2>&1 \
	    || { cat $(@D)/log; exit 1; }
	@grep -o "rtmpscope is not compiled.*" $(@D)/log || true
	@touch $@

build/%/installed: build/%/wheel
	$(VENV_$*)/bin/pip install --quiet $(@D)/*.whl
	$(VENV_$*)/bin/pip install --quiet --force-reinstall --no-deps $(@D)/*.whl
	@touch $@

build/%/with-test: build/%/installed
	$(VENV_$*)/bin/pip install --quiet "$$(echo $(@D)/*.whl)[test]"
	@touch $@

build/%/with-dev: build/%/installed
	$(VENV_$*)/bin/pip install --quiet "$$(echo $(@D)/*.whl)[dev]"
	@touch $@

tools:
	@missing=$$(PATH=$$PATH:/usr/sbin:/sbin; for tool in $(TOOLS); do \
	    command -v $${tool%:*} >/dev/null || test -e $${tool%:*} || printf ' %s' $${tool#*:}; done); \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ $$(id -u) != 0 ] || ! command -v apt-get >/dev/null; then \
	    echo "The tests need$$missing. On Debian: sudo apt-get install$$missing" >&2; exit 1; fi; \
	echo "installing$$missing"; \
	apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends -y $$missing >/dev/null
