# How a source becomes an object: flags, layers, dependencies.

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
        -Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wvla \
        -Wdate-time -Wimplicit-fallthrough$(if $(findstring clang,$(CC)),,=5) -Wold-style-definition
OPT  := $(if $(COV),-O0 --coverage,-O2)
CFLAGS  ?= -g
ALL_CFLAGS := -std=gnu11 $(OPT) $(CFLAGS) $(WARN) -D_GNU_SOURCE -fno-common \
              $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=undefined,-D_FORTIFY_SOURCE=$(if $(COV),0,2))
# A forked child leaves by _exit(), which does not write gcov's counters: in a
# coverage build the call goes through ci/lib/cov_exit.c, which does.
WRAP_EXIT := -Wl,--wrap=_exit
ALL_LDFLAGS := $(LDFLAGS) -Wl,--as-needed $(if $(SAN),-fsanitize=$(SAN)) $(if $(COV),--coverage $(WRAP_EXIT))
COV_OBJ := $(if $(COV),$(BUILD)/cov_exit.o)

VERSION := $(strip $(file <VERSION))

# What the goals need of ci/packages.txt, asked for together, so that a machine
# that lacks something hears of all of it once. Each combination has a stamp,
# made anew when the list changes.
needs_lint            := lint
needs_format          := lint
needs_test            := test
needs_tests           := test
needs_scenario-test   := scenario
needs_check           := test scenario selftest lint
needs_memcheck        := test scenario memcheck
needs_coverage-report := test scenario selftest coverage
needs_bench           := scenario bench
needs_fuzz            := fuzz
space := $(subst ,, )
DEPS    := build $(sort $(foreach g,$(MAKECMDGOALS),$(needs_$(g)) $(if $(findstring /test/,$(g)),test)))
DEPS_OK := $(BUILD)/deps/$(subst $(space),+,$(strip $(DEPS))).ok

# $(call keep,FILE,TEXT): FILE holds TEXT, and is written only when it does not
# already. Flags and lists of files kept so are prerequisites: a change rebuilds
# what it touches, a removed source leaves its archive. No process is started.
differ = $(subst x$(1),,x$(2))$(subst x$(2),,x$(1))
keep = $(if $(call differ,$(strip $(file <$(1))),$(strip $(2))),$(file >$(1),$(strip $(2))))

define module_lists
$(1)_src  := $$(call sources,$(1))
$(1)_main := $$(call mains,$(1))
$(1)_hdr  := $$(call headers,$(1))
$(1)_obj  := $$($(1)_src:%.c=$(BUILD)/%.o)
$(1)_test := $$(call tests,$(1))
$(1)_test_bin := $$($(1)_test:%.c=$(BUILD)/%)
$(1)_help_obj := $$(patsubst %.c,$(BUILD)/%.o,$$(call test_helpers,$(1)))
endef
$(foreach m,$(MODULES),$(eval $(call module_lists,$(m))))

# help and clean leave nothing behind.
ifneq ($(filter-out help clean,$(or $(MAKECMDGOALS),all)),)
$(if $(wildcard $(BUILD)/layers/.),,$(shell mkdir -p $(BUILD)/layers))
$(call keep,$(BUILD)/flags,$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(VERSION))
$(foreach m,$(MODULES),$(call keep,$(BUILD)/$(m).list,objects: $($(m)_obj) $($(m)_help_obj)))
$(foreach m,$(MODULES),$(call keep,$(BUILD)/layers/$(m).list,uses: $($(m)_uses) : $($(m)_poison)))
endif

# What a source of module $(1) may include: its own layer and nothing else.
layer = -iquote $(BUILD)/layers/$(1) -I$(BUILD)/layers/$(1)/poison
cc = $(CC) $(ALL_CFLAGS) $(call layer,$(1)) -include base/banned.h -DECSIM_VERSION='"$(VERSION)"' $($(1)_defs)
reverse = $(if $(1),$(call reverse,$(wordlist 2,$(words $(1)),$(1))) $(firstword $(1)))
# Archives and libraries of module $(1) and of what it uses, users first.
archives = $(foreach m,$(1) $(call reverse,$($(1)_uses)),$(BUILD)/lib$(m).a)
libs = $(foreach m,$(1) $(call reverse,$($(1)_uses)),$($(m)_libs)) -lm

define module_rules
$(BUILD)/layers/$(1)/.made: $(BUILD)/layers/$(1).list
	$$(Q)rm -rf $$(@D); mkdir -p $$(@D)/poison
	$$(Q)for d in $(1) $$($(1)_uses) base; do ln -sfnr $$$$d $$(@D)/$$$$d; done
	$$(Q)for h in $$($(1)_poison); do mkdir -p $$(@D)/poison/$$$$(dirname $$$$h); \
	  echo "#error \"$(1)/ may not use <$$$$h>: see docs/ARCHITECTURE.md\"" >$$(@D)/poison/$$$$h; done
	$$(Q)touch $$@

$(BUILD)/lib$(1).a: $$($(1)_obj) $(BUILD)/$(1).list | $(DEPS_OK)
	$$(Q)rm -f $$@; ar rcs $$@ $$(filter %.o,$$^)

$$($(1)_obj) $$($(1)_help_obj) $$($(1)_main:%.c=$(BUILD)/%.o): $(BUILD)/%.o: %.c $(BUILD)/flags $(BUILD)/layers/$(1)/.made | $(DEPS_OK)
	@mkdir -p $$(@D)
	$$(if $$(Q),@echo "  CC    $$<")
	$$(Q)$$(call cc,$(1)) -MMD -MP -c $$< -o $$@

$(BUILD)/lib$(1)_test.a: $$($(1)_help_obj) $(BUILD)/$(1).list | $(DEPS_OK)
	$$(Q)rm -f $$@; ar rcs $$@ $$(filter %.o,$$^)

$$($(1)_test_bin): $(BUILD)/%: %.c $(BUILD)/lib$(1)_test.a $$(call archives,$(1)) $(COV_OBJ) $(BUILD)/flags $(BUILD)/layers/$(1)/.made | $(DEPS_OK)
	@mkdir -p $$(@D)
	$$(if $$(Q),@echo "  TEST  $$<")
	$$(Q)$$(call cc,$(1)) -MMD -MP $$< $(BUILD)/lib$(1)_test.a $(COV_OBJ) -o $$@ \
	  $$(ALL_LDFLAGS) $$(call archives,$(1)) -lcmocka $$(call libs,$(1))

$$($(1)_hdr:%=$(BUILD)/%.ok): $(BUILD)/%.ok: % $(BUILD)/flags $(BUILD)/layers/$(1)/.made | $(DEPS_OK)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(filter-out --coverage,$$(ALL_CFLAGS)) $$(call layer,$(1)) -fsyntax-only -MMD -MP -MF $$@.d -MT $$@ -x c -include $$< /dev/null
	@touch $$@

# ci/selftest.d/layers.sh and ci/fuzz ask with which command this module is
# compiled, and the latter with what a program of it is linked.
flags-$(1): $(BUILD)/layers/$(1)/.made
	@printf '%s\n' '$$(subst ','\'',$$(call cc,$(1)))'

link-$(1): $(BUILD)/lib$(1)_test.a $$(call archives,$(1))
	@printf 'link: %s\n' '$$^ $$(ALL_LDFLAGS) $$(call libs,$(1))'

-include $$($(1)_obj:.o=.d) $$($(1)_help_obj:.o=.d) $$($(1)_main:%.c=$(BUILD)/%.d) $$($(1)_test_bin:=.d) $$($(1)_hdr:%=$(BUILD)/%.ok.d)
endef
$(foreach m,$(MODULES),$(eval $(call module_rules,$(m))))

# Messages of the fakes' protocols. Made by a program, so not held to our warnings.
vpath %.proto $(sort $(dir $(fakes_proto)))
$(BUILD)/pb/%.pb-c.c: %.proto | $(DEPS_OK)
	@mkdir -p $(@D)
	$(if $(Q),@echo "  PROTO $<")
	$(Q)protoc-c --proto_path=$(dir $<) --c_out=$(@D) $(notdir $<)

$(fakes_pb:.c=.o): %.o: %.c $(BUILD)/flags
	$(Q)$(CC) $(filter-out $(WARN),$(ALL_CFLAGS)) -iquote $(@D) -c $< -o $@

$(fakes_obj) $(fakes_help_obj): | $(fakes_pb)
$(BUILD)/libfakes.a: $(fakes_pb:.c=.o)

$(BUILD)/cov_exit.o: ci/lib/cov_exit.c $(BUILD)/flags | $(DEPS_OK)
	$(Q)$(CC) -O2 -c $< -o $@

# The vDSO of traced programs: one page, made apart from all that is above, and
# held by the harness as bytes.
VDSO := harness/vtime/vdso
VDSO_CFLAGS := -std=gnu11 -O2 -fPIC -fvisibility=hidden -fno-stack-protector -fcf-protection=none \
               -fno-asynchronous-unwind-tables -D_GNU_SOURCE -U_FORTIFY_SOURCE \
               $(filter-out -Wmissing-prototypes,$(WARN))
VDSO_LDFLAGS := -nostdlib -shared -Wl,-T,$(VDSO)/vdso.lds -Wl,-soname,linux-vdso.so.1 -Wl,-s \
                -Wl,--hash-style=both -Wl,-Bsymbolic -Wl,--no-undefined -Wl,--build-id=none

$(BUILD)/vdso.so: $(VDSO)/vdso.c $(VDSO)/vdso.lds harness/vtime/page.h $(BUILD)/flags | $(DEPS_OK)
	$(if $(Q),@echo "  VDSO  $@")
	$(Q)$(CC) $(VDSO_CFLAGS) -iquote . $(VDSO_LDFLAGS) $< -o $@

$(BUILD)/harness/vtime/image.o: $(BUILD)/vdso.so

link = $(Q)$(CC) $(ALL_CFLAGS) -o $@ $(filter %.o %.a,$^) $(ALL_LDFLAGS)

$(BUILD)/ecsim-agent: $(BUILD)/agent/main.o $(call archives,agent) $(COV_OBJ) $(BUILD)/flags
	@echo "  LD    $@"
	$(link) $(call libs,agent)

$(BUILD)/ecsim-init: $(BUILD)/agent/init/main.o $(call archives,agent) $(COV_OBJ) $(BUILD)/flags
	@echo "  LD    $@"
	$(link) $(call libs,agent)

# The next release of the agent, for tests of updates: the sources that know their version, compiled
# with a later one, and all others as they are.
NEXT_VERSION := $(basename $(VERSION)).999

$(BUILD)/next/ecsim-agent: $(BUILD)/ecsim-agent
	@echo "  NEXT  $@"
	@mkdir -p $(@D)
	$(Q)for f in $$(grep -l 'ECSIM_VERSION\|AGENT_VERSION_TEXT\|AGENT_USER_AGENT' agent/*.c); do \
	  $(subst "$(VERSION)","$(NEXT_VERSION)",$(call cc,agent)) -c $$f -o $(@D)/$$(basename $$f .c).o || exit 1; done
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $(BUILD)/agent/main.o $(@D)/*.o $(call archives,agent) $(COV_OBJ) $(ALL_LDFLAGS) $(call libs,agent)

$(BUILD)/ecsim: $(BUILD)/harness/main.o $(call archives,harness) $(COV_OBJ) $(BUILD)/flags
	@echo "  LD    $@"
	$(link) $(call libs,harness)

# One entry for each source that becomes an object, and for each test.
compile_commands.json: $(foreach m,$(MODULES),$(BUILD)/$(m).list) $(BUILD)/flags
	@echo "  GEN   $@"
	$(Q){ $(foreach m,$(MODULES),for f in $($(m)_src) $($(m)_main) $($(m)_test); do \
	  printf '%s\n%s\n' "$$f" '$(subst ','\'',$(call cc,$(m)))'; done;) } | \
	  awk -v dir='$(CURDIR)' -f ci/lib/compile_commands.awk >$@
