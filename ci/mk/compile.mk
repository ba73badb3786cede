# How a source becomes an object: flags, layers, dependencies.

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
        -Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wvla \
        -Wdate-time -Wimplicit-fallthrough=5 -Wold-style-definition
OPT  := $(if $(COV),-O0 --coverage,-O2)
CFLAGS  ?= -g
ALL_CFLAGS := -std=gnu11 $(OPT) $(CFLAGS) $(WARN) -D_GNU_SOURCE -fno-common \
              $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=undefined,-D_FORTIFY_SOURCE=$(if $(COV),0,2))
ALL_LDFLAGS := $(LDFLAGS) -Wl,--as-needed $(if $(SAN),-fsanitize=$(SAN)) $(if $(COV),--coverage)

VERSION := $(shell cat VERSION)

# Flags and lists of files are prerequisites: a change rebuilds what it touches.
FLAGS := $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(VERSION)
$(shell mkdir -p $(BUILD); printf '%s' '$(FLAGS)' | cmp -s - $(BUILD)/flags || printf '%s' '$(FLAGS)' >$(BUILD)/flags)

layer = -iquote $(BUILD)/layers/$(1) -I$(BUILD)/layers/$(1)/poison -include base/banned.h

define module_rules
$(1)_src  := $$(call sources,$(1))
$(1)_obj  := $$($(1)_src:%.c=$(BUILD)/%.o)
$(1)_test := $$(call tests,$(1))

$(BUILD)/layers/$(1)/.made: ci/mk/modules.mk
	$$(Q)mkdir -p $$(@D)/poison
	$$(Q)for d in $(1) $$($(1)_uses) base; do ln -sfn ../../../$$$$d $$(@D)/$$$$d; done
	$$(Q)for h in $$($(1)_poison); do mkdir -p $$(@D)/poison/$$$$(dirname $$$$h); \
	  echo "#error \"$(1)/ may not use <$$$$h>: see docs/ARCHITECTURE.md\"" >$$(@D)/poison/$$$$h; done
	$$(Q)touch $$@

$(BUILD)/lib$(1).a: $$($(1)_obj)
	$$(Q)rm -f $$@; ar rcs $$@ $$^

$$($(1)_obj) $(BUILD)/$(1)/main.o: $(BUILD)/%.o: %.c $(BUILD)/flags $(BUILD)/layers/$(1)/.made | $(BUILD)/deps.ok
	@mkdir -p $$(@D)
	$$(if $$(Q),@echo "  CC    $$<")
	$$(Q)$$(CC) $$(ALL_CFLAGS) $$(call layer,$(1)) -DECSIM_VERSION='"$$(VERSION)"' -MMD -MP -c $$< -o $$@

$(1)_test_bin := $$($(1)_test:%.c=$(BUILD)/%)
$$($(1)_test_bin): $(BUILD)/%: %.c $(BUILD)/lib$(1).a $$(foreach u,$$($(1)_uses),$(BUILD)/lib$$(u).a) $(BUILD)/flags $(BUILD)/layers/$(1)/.made | $(BUILD)/deps.ok
	@mkdir -p $$(@D)
	$$(if $$(Q),@echo "  TEST  $$<")
	$$(Q)$$(CC) $$(ALL_CFLAGS) -Wno-missing-prototypes $$(call layer,$(1)) -DECSIM_VERSION='"$$(VERSION)"' -MMD -MP $$< -o $$@ \
	  $$(ALL_LDFLAGS) $(BUILD)/lib$(1).a $$(foreach u,$$(call reverse,$$($(1)_uses)),$(BUILD)/lib$$(u).a) \
	  -lcmocka $$($(1)_libs) $$(foreach u,$$($(1)_uses),$$($$(u)_libs)) -lm
-include $$($(1)_obj:.o=.d) $(BUILD)/$(1)/main.d $$($(1)_test_bin:=.d)
endef

reverse = $(if $(1),$(call reverse,$(wordlist 2,$(words $(1)),$(1))) $(firstword $(1)))
$(foreach m,$(MODULES),$(eval $(call module_rules,$(m))))

link = $(Q)$(CC) $(ALL_CFLAGS) -o $@ $(filter %.o %.a,$^) $(ALL_LDFLAGS)

$(BUILD)/ecsim-agent: $(BUILD)/agent/main.o $(BUILD)/libagent.a $(BUILD)/libproto.a $(BUILD)/libbase.a
	@echo "  LD    $@"
	$(link) $(agent_libs) $(base_libs) -lm

$(BUILD)/ecsim: $(BUILD)/harness/main.o $(BUILD)/libharness.a $(BUILD)/libfakes.a $(BUILD)/libproto.a $(BUILD)/libbase.a
	@echo "  LD    $@"
	$(link) $(harness_libs) $(fakes_libs) $(base_libs) -lm
