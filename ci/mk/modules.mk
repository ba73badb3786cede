# Modules, in the order in which one may use another.
#
# A module is a folder. MODULE_uses names the folders whose headers it may
# include; the compiler is given nothing else, so a forbidden include does not
# build. MODULE_libs are what it links beside; MODULE_poison are system headers
# that exist on the machine and must not be used here. MODULE_defs are macros.

MODULES := base proto agent fakes harness

base_uses    :=
base_libs    := -ljansson
base_poison  := curl/curl.h libwebsockets.h uv.h openssl/evp.h sqlite3.h

proto_uses   := base
proto_libs   :=
proto_poison := $(base_poison) jansson.h

agent_uses   := base proto
agent_libs   := -lcurl -lwebsockets -lmicrohttpd -lsqlite3 -luv -lcrypto -lexpat -ljansson
agent_poison := wslay/wslay.h http_parser.h nghttp2/nghttp2.h protobuf-c/protobuf-c.h

fakes_uses   := base proto
fakes_libs   := -larchive -lhttp_parser -lmnl -lnghttp2 -lprotobuf-c -lresolv -lwslay -luv -lssl -lcrypto -ljansson
fakes_poison := curl/curl.h libwebsockets.h microhttpd.h sqlite3.h

# C that is made of .proto files, and the folder it is made in.
fakes_proto := $(wildcard fakes/*/*.proto)
fakes_pb    := $(patsubst %.proto,$(BUILD)/pb/%.pb-c.c,$(notdir $(fakes_proto)))
fakes_defs  := -isystem $(BUILD)/pb

harness_uses   := base proto fakes
harness_libs   := -lyaml
harness_poison := $(fakes_poison)
harness_defs   := -DVTIME_IMAGE_FILE='"$(BUILD)/vdso.so"'

# Where the sources of a module lie: its folder and one level below, each with
# its own test/ with test_*.c and fuzz_*.c, programs each. Other sources in a
# test/ help the tests of the module: an archive that each is linked with.
dirs = $(1) $(filter-out $(1)/test,$(patsubst %/,%,$(wildcard $(1)/*/)))
sources = $(foreach d,$(call dirs,$(1)),$(filter-out $(d)/main.c,$(wildcard $(d)/*.c)))
mains = $(foreach d,$(call dirs,$(1)),$(wildcard $(d)/main.c))
headers = $(foreach d,$(call dirs,$(1)),$(wildcard $(d)/*.h))
tests   = $(foreach d,$(call dirs,$(1)),$(wildcard $(d)/test/test_*.c $(d)/test/fuzz_*.c))
test_helpers = $(foreach d,$(call dirs,$(1)),$(filter-out $(call tests,$(1)),$(wildcard $(d)/test/*.c)))
