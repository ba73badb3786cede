# What a person asks make for.

.PHONY: all test check scenario-test clean help

all: $(BUILD)/ecsim $(BUILD)/ecsim-agent

help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile

$(BUILD)/deps.ok:
	@touch $@

TESTS := $(foreach m,$(MODULES),$($(m)_test_bin))

test: $(TESTS)
	$(Q)set -e; for t in $(TESTS); do echo "  RUN   $$t"; $$t; done

clean:
	rm -rf build build-*
