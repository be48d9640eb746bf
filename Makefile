# containerd-lite: make, make check, make lint, make bench, make fuzz, make install, make deb. SANITIZE=address,undefined and
# CC=clang work with each of them.

VERSION = 0.1.0
PREFIX ?= /usr/local
DESTDIR ?=
CC ?= cc
comma := ,
empty :=
space := $(empty) $(empty)

# A sanitized build lives beside the plain one.
BUILD ?= build$(if $(SANITIZE),/$(subst $(comma),-,$(SANITIZE)))

LIBS_COMMON = json-c
LIBS_SHIM = json-c libevent_core libcap
LIBS_DAEMON = json-c libevent_core libcap uuid libsystemd
LIBS_CLIENT = json-c uuid

WARNINGS = -Wall -Wextra -Werror -Wshadow -Wvla -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wwrite-strings -Wundef -Wno-missing-field-initializers
HARDEN = -fstack-protector-strong -fstack-clash-protection -fcf-protection
ifeq ($(SANITIZE),)
HARDEN += -D_FORTIFY_SOURCE=2
SHIM_LDFLAGS = -static-pie
CLIENT_LDFLAGS = -static-pie
STATIC = --static
else
SAN = -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=undefined
STATIC =
endif

CPPFLAGS += -D_GNU_SOURCE -I. -DVERSION='"$(VERSION)"' -DPREFIX='"$(PREFIX)"'
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu17 $(CFLAGS) $(WARNINGS) $(HARDEN) $(SAN) -fPIE
ALL_CFLAGS += $(shell pkg-config --cflags json-c libevent_core libcap uuid)
LDFLAGS_ALL = -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack $(SAN) $(LDFLAGS)

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(sort $(wildcard $(1)/*.c)))
COMMON_O = $(call objects,common)
RUNTIME_O = $(call objects,runtime)
SHIM_O = $(call objects,shim)
DAEMON_O = $(call objects,daemon)
CLIENT_O = $(call objects,client)
INTERFACES = $(sort $(wildcard interface/*.varlink))

.DELETE_ON_ERROR:
.PHONY: all clean install deb check unit integration faults lint bench fuzz fuzz-corpus

MANUAL = $(patsubst docs/man/%.in,$(BUILD)/man/%,$(wildcard docs/man/*.in))
PROGRAMS = $(BUILD)/containerd-lite $(BUILD)/containerd-lite-shim $(BUILD)/ctl
all: $(PROGRAMS) $(BUILD)/rootfs/busybox.stamp $(MANUAL)

$(BUILD)/libcommon.a: $(COMMON_O)
$(BUILD)/libruntime.a: $(RUNTIME_O)
$(BUILD)/libcommon.a $(BUILD)/libruntime.a:
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/containerd-lite: $(DAEMON_O) $(BUILD)/libruntime.a $(BUILD)/libcommon.a
	$(CC) $(ALL_CFLAGS) -pie -o $@ $^ $(LDFLAGS_ALL) $(shell pkg-config --libs $(LIBS_DAEMON))

# Static: once it has entered a container, nothing of the container's can be loaded into it.
$(BUILD)/containerd-lite-shim: $(SHIM_O) $(BUILD)/libruntime.a $(BUILD)/libcommon.a
	$(CC) $(ALL_CFLAGS) $(or $(SHIM_LDFLAGS),-pie) -o $@ $^ $(LDFLAGS_ALL) $(shell pkg-config $(STATIC) --libs $(LIBS_SHIM))

# Static: a dynamic start costs a fifth of a container's start.
$(BUILD)/ctl: $(CLIENT_O) $(BUILD)/libcommon.a
	$(CC) $(ALL_CFLAGS) $(or $(CLIENT_LDFLAGS),-pie) -o $@ $^ $(LDFLAGS_ALL) $(shell pkg-config $(STATIC) --libs $(LIBS_CLIENT))

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/daemon/interface.o: $(INTERFACES)
$(BUILD)/obj/client/completion.o: $(wildcard etc/completion/*)

# The built-in root file system; rootfs/make says what is in it.
$(BUILD)/rootfs/busybox.stamp: rootfs/make
	rootfs/make $(BUILD)/rootfs/busybox
	touch $@

# The lists in the manual come from the programs themselves.
$(BUILD)/man/%: docs/man/%.in docs/man/make docs/man/markdown.awk docs/protocol.md etc/containerd-lite.conf $(INTERFACES) $(PROGRAMS)
	@mkdir -p $(@D)
	docs/man/make $* $(BUILD) >$@

# Where the programs look for each other and for the built-in root file system when they are not in build/.
LIBEXEC = $(DESTDIR)$(PREFIX)/libexec/containerd-lite
SHARE = $(DESTDIR)$(PREFIX)/share/containerd-lite
UNITS = $(DESTDIR)$(PREFIX)/lib/systemd/system
MAN = $(DESTDIR)$(PREFIX)/share/man
BASH_COMPLETIONS = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
# Where zsh looks by itself: Debian has another folder for packages.
ZSH_COMPLETIONS = $(DESTDIR)$(PREFIX)/share/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)
FISH_COMPLETIONS = $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
COMPLETIONS = $(BASH_COMPLETIONS) $(ZSH_COMPLETIONS) $(FISH_COMPLETIONS)
install: all
	install -d $(UNITS) $(DESTDIR)$(PREFIX)/lib/sysusers.d $(DESTDIR)$(PREFIX)/lib/tmpfiles.d
	install -d $(DESTDIR)$(PREFIX)/bin $(LIBEXEC) $(SHARE)/rootfs $(SHARE)/interface $(DESTDIR)/etc/containerd-lite
	install -m 755 $(BUILD)/containerd-lite $(BUILD)/ctl $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(BUILD)/containerd-lite-shim $(LIBEXEC)
	install -m 644 $(INTERFACES) $(SHARE)/interface
	rootfs/make $(SHARE)/rootfs/busybox
	install -m 644 systemd/*.socket $(UNITS)
	for unit in systemd/*.service; do sed 's|@PREFIX@|$(PREFIX)|' $$unit >$(UNITS)/$${unit#systemd/} || exit 1; done
	install -m 644 systemd/containerd-lite.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/containerd-lite.conf
	install -m 644 systemd/containerd-lite.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/containerd-lite.conf
	for section in 1 5 7 8; do \
		install -d $(MAN)/man$$section && \
		install -m 644 $(BUILD)/man/*.$$section $(MAN)/man$$section || exit 1; \
	done
	install -d $(COMPLETIONS)
	install -m 644 etc/completion/ctl.bash $(BASH_COMPLETIONS)/ctl
	install -m 644 etc/completion/_ctl $(ZSH_COMPLETIONS)/_ctl
	install -m 644 etc/completion/ctl.fish $(FISH_COMPLETIONS)/ctl.fish
	test -e $(DESTDIR)/etc/containerd-lite/containerd-lite.conf || \
		install -m 644 etc/containerd-lite.conf $(DESTDIR)/etc/containerd-lite

# A Debian package of this version, in build/deb/.
deb:
	debian/build $(VERSION)

-include tests/tests.mk

clean:
	rm -rf build

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
