# What a person asks make for.

.PHONY: all help test scenario-test check lint hdr-check format memcheck coverage bench docs \
        install clean tests fuzz $(MODULES:%=flags-%) $(MODULES:%=link-%)

PROGRAMS := $(BUILD)/ecsim $(BUILD)/ecsim-agent $(BUILD)/ecsim-init
TESTS    := $(foreach m,$(MODULES),$($(m)_test_bin))
HDR_OK   := $(foreach m,$(MODULES),$($(m)_hdr:%=$(BUILD)/%.ok))

# The scripts of ci/ get what they need to know from here; each can be run by hand too.
export BUILD SAN AGENT MAKE

all: $(PROGRAMS)

help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile

$(DEPS_OK): ci/packages.txt ci/install-deps
	$(Q)ci/install-deps $(DEPS)
	$(Q)mkdir -p $(@D) && touch $@

tests: $(TESTS)

test: tests
	$(Q)ci/unit $(TEST)

scenario-test: $(PROGRAMS) $(DEPS_OK)
	$(Q)ci/scenarios $(RUN)

check: $(PROGRAMS) tests $(DEPS_OK)
	$(Q)+ci/check

hdr-check: $(HDR_OK)

lint: $(DEPS_OK)
	$(Q)+ci/lint $(if $(filter default,$(origin LINT)),,$(LINT)) # make itself has LINT = lint

format: $(DEPS_OK)
	$(Q)ci/lint --files c | xargs clang-format -i

memcheck: $(PROGRAMS) tests $(DEPS_OK)
	$(Q)ci/memcheck

# Coverage has its own build folder, so this starts make again for it, without
# the BUILD that is exported above.
coverage:
	$(Q)+env -u BUILD $(MAKE) --no-print-directory COV=1 coverage-report

ifneq ($(COV),)
.PHONY: coverage-report
coverage-report: $(PROGRAMS) tests $(DEPS_OK)
	$(Q)+ci/coverage
endif

fuzz: $(DEPS_OK)
	$(Q)+ci/fuzz $(FUZZ)

bench: $(PROGRAMS) $(DEPS_OK)
	$(Q)ci/bench

docs: $(BUILD)/ecsim
	$(Q)ci/docs

# Units lie in share/ecsim/agent/packaging; FLAVOUR puts one where systemd (or upstart) finds it.
install_unit = install -d $(DESTDIR)$(if $(filter upstart,$(1)),/etc/init,$(PREFIX)/lib/systemd/system) && \
  install -m 0644 $(DESTDIR)$(PREFIX)/share/ecsim/agent/packaging/$(1)/ecs.* \
    $(DESTDIR)$(if $(filter upstart,$(1)),/etc/init,$(PREFIX)/lib/systemd/system)

install: $(PROGRAMS)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/ecsim $(DESTDIR)$(PREFIX)/share/doc/ecsim
	install $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	cp -R scenarios $(DESTDIR)$(PREFIX)/share/ecsim/
	install -d $(DESTDIR)$(PREFIX)/share/ecsim/agent
	cp -R agent/packaging $(DESTDIR)$(PREFIX)/share/ecsim/agent/
	find $(DESTDIR)$(PREFIX)/share/ecsim/agent/packaging -type f \
	  -exec sed -i 's|/usr/local/bin/|$(PREFIX)/bin/|' {} +
	$(if $(FLAVOUR),$(call install_unit,$(FLAVOUR)))
	cp -R $(wildcard README.md LICENSE docs/*) $(DESTDIR)$(PREFIX)/share/doc/ecsim/

clean:
	rm -rf build build-* compile_commands.json
