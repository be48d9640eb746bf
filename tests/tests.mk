# tests.mk - what `make check` runs, found by glob: nothing is registered anywhere.
#   tests/unit/<layer>/test_<noun>.c     cmocka; linked with its layer (but main.o) and everything below it
#   tests/integration/<subject>.sh       functions test_*; tests/run says what each gets
#   tests/faults/*.sh                    prints `ok NAME`, `not ok NAME`, `skip NAME: why`
#   tests/fuzz/<layer>/fuzz_<noun>.c     LLVMFuzzerTestOneInput; its corpus is tests/fuzz/corpus/<noun>/
# make check TESTS='logs crash.test_shim_killed' runs only those.

TESTS ?=
FUZZ_S ?= 60

# Archives: a test takes from its layer only what it names, so it may bring its own stand-ins for the rest.
SHIM_TEST_A = $(BUILD)/tests/libshim.a
DAEMON_TEST_A = $(BUILD)/tests/libdaemon.a
CLIENT_TEST_A = $(BUILD)/tests/libclient.a
$(SHIM_TEST_A): $(filter-out %/main.o,$(SHIM_O))
$(DAEMON_TEST_A): $(filter-out %/main.o,$(DAEMON_O))
$(CLIENT_TEST_A): $(filter-out %/main.o,$(CLIENT_O))
$(SHIM_TEST_A) $(DAEMON_TEST_A) $(CLIENT_TEST_A):
	@mkdir -p $(@D)
	rm -f $@
	$(AR) rcs $@ $^

TEST_A_common =
TEST_A_runtime =
TEST_A_shim = $(SHIM_TEST_A)
TEST_A_daemon = $(DAEMON_TEST_A)
TEST_A_client = $(CLIENT_TEST_A)
LAYERS = common runtime shim daemon client
TEST_LIBS = $(shell pkg-config --libs json-c libevent_core libcap uuid libsystemd)

UNIT_C = $(sort $(wildcard tests/unit/*/test_*.c))
UNIT_X = $(UNIT_C:%.c=$(BUILD)/%)
FUZZ_C = $(sort $(wildcard tests/fuzz/*/fuzz_*.c))
REPLAY_X = $(FUZZ_C:%.c=$(BUILD)/%)
FUZZ_X = $(FUZZ_C:tests/fuzz/%.c=$(BUILD)/fuzzers/%)

define layer_rules
$(BUILD)/tests/unit/$(1)/%: $(BUILD)/obj/tests/unit/$(1)/%.o $$(TEST_A_$(1)) $(BUILD)/libruntime.a $(BUILD)/libcommon.a
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CFLAGS) -pie -o $$@ $$^ $$(LDFLAGS_ALL) $$(TEST_LIBS) $$(shell pkg-config --libs cmocka)

# With a main of our own that reads files: for gcc, and for make check.
$(BUILD)/tests/fuzz/$(1)/%: $(BUILD)/obj/tests/fuzz/$(1)/%.o $(BUILD)/obj/tests/fuzz/replay.o $$(TEST_A_$(1)) \
		$(BUILD)/libruntime.a $(BUILD)/libcommon.a
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CFLAGS) -pie -o $$@ $$^ $$(LDFLAGS_ALL) $$(TEST_LIBS)

$(BUILD)/fuzzers/$(1)/%: $(BUILD)/obj/tests/fuzz/$(1)/%.o $$(TEST_A_$(1)) $(BUILD)/libruntime.a $(BUILD)/libcommon.a
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CFLAGS) -fsanitize=fuzzer -pie -o $$@ $$^ $$(LDFLAGS_ALL) $$(TEST_LIBS)
endef
$(foreach layer,$(LAYERS),$(eval $(call layer_rules,$(layer))))
.SECONDARY: $(UNIT_C:%.c=$(BUILD)/obj/%.o) $(FUZZ_C:%.c=$(BUILD)/obj/%.o)

# cmocka.h wants these before it, and its mocks have no prototypes.
$(BUILD)/obj/tests/%.o: WARNINGS += -Wno-missing-prototypes

# Static, as it is started very often.
FIELD_X = $(BUILD)/tests/field
$(FIELD_X): $(BUILD)/obj/tests/integration/field.o
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(or $(CLIENT_LDFLAGS),-pie) -o $@ $^ $(LDFLAGS_ALL) $(shell pkg-config $(STATIC) --libs json-c)

.PHONY: test-programs fuzzers
test-programs: all $(UNIT_X) $(REPLAY_X) $(FIELD_X)

check: test-programs
	BUILD=$(BUILD) tests/run $(TESTS)
unit: $(UNIT_X)
	BUILD=$(BUILD) tests/run unit
integration: all $(FIELD_X)
	BUILD=$(BUILD) tests/run integration
faults: all
	BUILD=$(BUILD) tests/run faults
fuzz-corpus: $(REPLAY_X)
	BUILD=$(BUILD) tests/run fuzz

# Each target for FUZZ_S seconds; what it finds stays in build/fuzz/found/.
fuzz:
	$(MAKE) CC=clang SANITIZE=fuzzer-no-link,address,undefined BUILD=build/fuzz fuzzers
	tests/fuzz/run build/fuzz/fuzzers $(FUZZ_S)
fuzzers: $(FUZZ_X)

lint:
	CC="$(CC)" tests/lint

bench: all
	BUILD=$(BUILD) tests/bench/run

# In a virtual machine: TEST=name picks, VM=trixie takes another Debian. The product there is what `make install` makes.
.PHONY: check-vm vm-shell vm-seed vm-debs
vm-seed:
	rm -rf build/vm/seed
	$(MAKE) BUILD=build/vm/product PREFIX=/usr DESTDIR=$(CURDIR)/build/vm/seed install build/vm/product/tests/field
# Two Debian packages, for an upgrade from one to the other, which differ in the version only (and in how they are
# packed: what is not compressed is unpacked sooner). Where none can be built their test says so.
DEBS = $(if $(shell command -v dh),build/vm/debs/new.deb)
PACKAGED = $(shell find Makefile README.md client common daemon debian docs etc interface rootfs runtime shim systemd)
vm-debs: vm-seed $(DEBS)
	mkdir -p build/vm/seed/srv/debs
	$(if $(DEBS),cp build/vm/debs/*.deb build/vm/seed/srv/debs)
build/vm/debs/new.deb: $(PACKAGED)
	rm -rf build/vm/debs build/deb/tree
	mkdir -p build/vm/debs
	debian/build $(VERSION) && cp build/deb/*_$(VERSION)_*.deb build/vm/debs/old.deb
	dpkg-deb -R build/vm/debs/old.deb build/deb/tree
	sed -i 's/^Version: .*/&.1/' build/deb/tree/DEBIAN/control
	dpkg-deb --root-owner-group -Znone -b build/deb/tree $@
	rm -rf build/deb/tree
check-vm: vm-seed $(if $(TEST),$(if $(filter vm deb%,$(TEST)),vm-debs),vm-debs)
	VM=$(VM) tests/vm/run $(TEST)
vm-shell: vm-seed
	VM=$(VM) SHELL_INSIDE=1 tests/vm/run
