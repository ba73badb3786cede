# ecsim: run an unmodified Amazon ECS container agent against wire-level fakes
#
#   make                 build ecsim and ecsim-agent into build/
#   make scenario-test   run every scenario against the reference agent
#   make check           unit tests, scenarios, self-tests of the harness, lint
#   make test            unit tests only
#   make lint            layers, banned calls, format, file and function sizes
#   make format          clang-format over every source
#   make memcheck        unit tests, agent and fakes under valgrind
#   make coverage        lcov: build/coverage/index.html and a one-line total
#   make bench           speed and size, with the spread
#   make docs            regenerate what docs/ generates from tables
#   make install         PREFIX=/usr/local by default, DESTDIR honoured
#   make clean           remove build folders
#
#   SAN=address,undefined   build beside, in build-san/, with sanitizers
#   AGENT="CMD"             the agent under test (scenario-test, bench)
#   V=1                     show the commands
#
# What is missing is installed by ci/install-deps, once, before the first build.

SAN      ?=
COV      ?=
AGENT    ?=
PREFIX   ?= /usr/local
BUILD    ?= build$(if $(SAN),-san)$(if $(COV),-cov)
CC       ?= cc
Q        := $(if $(V),,@)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

include ci/mk/modules.mk
include ci/mk/compile.mk
include ci/mk/targets.mk
