# ecsim: run an unmodified Amazon ECS container agent against wire-level fakes
#
#   make                 build ecsim and ecsim-agent into build/
#   make scenario-test   run every scenario against the reference agent
#   make check           unit tests, scenarios, self-tests of the harness, lint
#   make test            unit tests only; TEST=base/test_buf for one
#   make lint            layers, format, sizes, words; LINT=format for one
#   make format          clang-format over every source
#   make memcheck        unit tests, agent and fakes under valgrind
#   make coverage        lcov: build-cov/coverage/index.html and a line per module
#   make fuzz            each fuzz program for a minute; FUZZ="-s 600 http" for one
#   make bench           speed and size, with the spread
#   make docs            regenerate what docs/ generates from tables
#   make install         PREFIX=/usr/local by default, DESTDIR honoured; FLAVOUR=amazon-linux
#                        (agent/packaging) puts the unit of the agent where systemd finds it
#   make clean           remove build folders
#   make hdr-check       every header compiles alone
#   make compile_commands.json   for editors and clang-tidy
#
#   SAN=address,undefined   build beside, in build-san/, with sanitizers
#   AGENT="CMD"             the agent under test (scenario-test, check, bench)
#   RUN="-k acs -j 4"       further options of ecsim run (scenario-test)
#   V=1                     show the commands
#
# What is missing is installed by ci/install-deps, once, before the first build.

SAN      ?=
COV      ?=
LINT     := $(if $(filter default,$(origin LINT)),,$(LINT))
AGENT    ?=
FLAVOUR  ?=
PREFIX   ?= /usr/local
BUILD    ?= build$(if $(SAN),-san)$(if $(COV),-cov)
CC       ?= cc
Q        := $(if $(V),,@)

# Two jobs unless the command line says otherwise (it wins over this line).
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j2
endif

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

include ci/mk/modules.mk
include ci/mk/compile.mk
include ci/mk/targets.mk
