# Programs and tests of intentd.
#
#   make                             the programs, in build/gcc
#   make CC=clang                    in build/clang
#   make SANITIZE=address,undefined  in build/gcc-address-undefined
#   make CRASH=1                     in build/gcc-crash: for a test alone, with
#                                    points that kill (app/crash.h)
#   make unit                        the unit tests of the variant, run
#   make check-style                 the rules that a machine can hold
#   make run, make test              a server to try, all tests
#   make test-apache                 the tests of HTTP through Apache alone
#   make install, make uninstall     with PREFIX= (/usr/local) and DESTDIR=
#   make deb                         a Debian package, in build/gcc/deb
#   make deb-test, make fresh        that package, and the README's commands, in
#                                    a fresh Debian tree (root, network)
#   make model                       the committer's protocol, by spin
#   make crash, fuzz, races, soak    the long forms of tests/crash and so on
#   make CC=clang SANITIZE=address,undefined fuzzers
#                                    the programs of tests/fuzz
#   make analyze                     what compilers and linters find unrun
#   make bench                       what it reaches here (tests/bench)
#   make format                      every C file as .clang-format says
#   make V=1                         ... with every command in full
#
# Variants lie beside each other: switching between them rebuilds nothing.

ifeq ($(origin CC),default)
CC = gcc
endif
SANITIZE =
CRASH ?=
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
DESTDIR ?=

comma = ,
VARIANT = $(notdir $(CC))$(addprefix -,$(subst $(comma),-,$(SANITIZE)))
VARIANT := $(VARIANT)$(if $(CRASH),-crash)
BUILD = build/$(VARIANT)

# json-c and libfcgi are linked statically: lib/base/heap.c takes over their
# allocations, and app/fastcgi.c what libfcgi reads and writes.
PACKAGES = lmdb inih zlib libcrypto libssl libsystemd libmicrohttpd \
	nettle libsecp256k1 libqrencode libpng libcurl libseccomp
STATIC := $(shell pkg-config --variable=libdir json-c)/libjson-c.a \
	$(shell pkg-config --variable=libdir fcgi)/libfcgi.a
INCLUDES := $(shell pkg-config --cflags $(PACKAGES) json-c fcgi cmocka)
LIBRARIES := $(shell pkg-config --libs $(PACKAGES))
CMOCKA := $(shell pkg-config --libs cmocka)

CPPFLAGS += -D_GNU_SOURCE -Ilib -I. -Itests $(INCLUDES)
# Indirect jumps only where they may lead, where the processor knows that.
CONTROL_FLOW := $(if $(filter x86_64-%,$(shell $(CC) -dumpmachine)),\
	-fcf-protection=full)
CFLAGS += -std=c11 -O2 -g -fPIE -fstack-protector-strong \
	-fstack-clash-protection $(CONTROL_FLOW) \
	-Wall -Wextra -Wconversion -Wswitch-enum -Wshadow \
	-Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
LDFLAGS += -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack \
	-Wl,-z,separate-code
LDLIBS += $(LIBRARIES) -pthread

ifneq ($(SANITIZE),)
# For its errors, not for its speed.
CFLAGS += -O1 -fsanitize=$(SANITIZE) -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
# tests/fuzz links the same objects: what they ran is told to libFuzzer, and
# to nobody in the unit tests.
ifneq ($(findstring clang,$(CC)),)
CFLAGS += -fsanitize=fuzzer-no-link \
	-fsanitize-coverage-ignorelist=tests/fuzz/ignored.txt
# A third of the time of the other one, a hundred times.
LDFLAGS += -fuse-ld=lld
endif
# Which system calls they make is theirs to know (app/confine.c).
CPPFLAGS += -DSANITIZED
else
CPPFLAGS += -D_FORTIFY_SOURCE=2
endif

ifneq ($(CRASH),)
CPPFLAGS += -DCRASH_POINTS
endif

WRAPPED = malloc calloc realloc free strdup json_object_object_add \
	OS_Read OS_Write OS_Accept OS_IpcClose
# app/crash_steps.c stands before these.
ifneq ($(CRASH),)
WRAPPED += store_begin store_get store_put store_delete store_commit \
	store_abort intent_decide coin_intent_decide idempotency_look \
	idempotency_store mdb_env_sync
endif
LDFLAGS += $(addprefix -Wl$(comma)--wrap=,$(WRAPPED))

MAINS = $(wildcard app/intentd.c app/intentctl.c app/reference.c)
PROGRAMS = $(MAINS:app/%.c=$(BUILD)/%)
SOURCES = $(wildcard lib/*/*.c) $(filter-out $(MAINS),$(wildcard app/*.c))
OBJECTS = $(SOURCES:%.c=$(BUILD)/%.o)
ARCHIVE = $(BUILD)/libintentd.a
# Points that kill are in app alone: the layers below it are the ones of the
# variant without them, of which the linker wraps what they call.
ifneq ($(CRASH),)
PLAIN = $(BUILD:%-crash=%)
OBJECTS := $(OBJECTS:$(BUILD)/lib/%=$(PLAIN)/lib/%)
endif
# tests/unit/x_test.c is a program; what else lies there serves them all.
TESTS = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*_test.c))
TEST_SOURCES = $(filter-out %_test.c,$(wildcard tests/unit/*.c))
TEST_OBJECTS = $(TEST_SOURCES:%.c=$(BUILD)/%.o)

# tests/fuzz/x_fuzz.c likewise, for libFuzzer, which brings main().
FUZZERS = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZ_SOURCES = $(filter-out %_fuzz.c,$(wildcard tests/fuzz/*.c))
FUZZ_OBJECTS = $(FUZZ_SOURCES:%.c=$(BUILD)/%.o)

# One line a step, unless V is set.
SAY = $(if $(V),,@printf '  %-5s %s\n' $(1) $@;)

.PHONY: all unit check-style analyze model run test test-apache bench clean \
	format crash fuzz races soak \
	$(TESTS:%=%.run)
.PHONY: install uninstall deb deb-test fresh
.SECONDARY:
.DELETE_ON_ERROR:

all: $(PROGRAMS)
ifneq ($(wildcard app/reference.c),)
all: $(BUILD)/reference.stamp
endif

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call SAY,CC)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

ifneq ($(CRASH),)
.PHONY: plain
plain:
	@$(MAKE) --no-print-directory CRASH= $(PLAIN)/libintentd.a
$(PLAIN)/lib/%.o: plain ;
endif

# Made anew, so that no object of a file that is gone stays in it.
$(ARCHIVE): $(OBJECTS)
	@rm -f $@
	$(call SAY,AR)$(AR) rcs $@ $^

LINK = $(call SAY,LINK)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ \
	$(filter %.o %.a,$^) $(STATIC) $(LDLIBS)

$(PROGRAMS): $(BUILD)/%: $(BUILD)/app/%.o $(ARCHIVE)
	$(LINK)

$(TESTS): %: %.o $(TEST_OBJECTS) $(ARCHIVE)
	$(LINK) $(CMOCKA)

$(FUZZERS): %: %.o $(FUZZ_OBJECTS) $(TEST_OBJECTS) $(ARCHIVE)
	$(LINK) -fsanitize=fuzzer $(CMOCKA)

# With CC=clang SANITIZE=address,undefined.
.PHONY: fuzzers
fuzzers: $(FUZZERS)

# What the bench compares intentd with; nothing of intentd is in it.
$(BUILD)/tests/bench/empty: %: %.o
	$(call SAY,LINK)$(CC) $(CFLAGS) -pie -o $@ $< \
		$(shell pkg-config --libs fcgi)

# The reference pages, the web server's errors and parts of the README.
$(BUILD)/reference.stamp: $(BUILD)/reference
	$(call SAY,DOCS)$< $(BUILD)
	@touch $@

# What stands behind `generated: NAME` in a page or a script comes from NAME
# with the given ending in the build's folder of that kind.
GENERATED = sed $(foreach name,$(1),\
	-e '/^[^ ]* generated: $(name)$$/r $(@D)/$(name).$(2)') $< >$@

MANUALS = $(patsubst app/%,$(BUILD)/man/%,$(wildcard app/*.[1-9]))
$(MANUALS): $(BUILD)/man/%: app/% $(BUILD)/reference.stamp
	$(call SAY,MAN)$(call GENERATED,signals settings commands options,mdoc)

COMPLETION = $(BUILD)/completion/intentctl
$(COMPLETION): app/intentctl.bash $(BUILD)/reference.stamp
	$(call SAY,BASH)$(call GENERATED,tables,bash)

# What scripts/install-files needs beside these: the settings file, in which
# every setting is a comment, and nginx/nginx.conf as parts of other sites.
INSTALL_PARTS = $(BUILD)/site/intentd.conf $(BUILD)/site/http.conf \
	$(BUILD)/site/server.conf $(BUILD)/site/apache.conf
$(BUILD)/site/intentd.conf: $(BUILD)/intentd
	@mkdir -p $(@D)
	$(call SAY,SITE)$< --print-config | sed 's/^[a-z_]* = /#&/' >$@
$(BUILD)/site/apache.conf: nginx/apache.conf scripts/site-part
	@mkdir -p $(@D)
	$(call SAY,SITE)scripts/site-part server $< >$@
$(BUILD)/site/%.conf: nginx/nginx.conf scripts/site-part
	@mkdir -p $(@D)
	$(call SAY,SITE)scripts/site-part $* $< >$@

all: $(MANUALS) $(COMPLETION) $(INSTALL_PARTS)

install: all
install uninstall:
	@BUILD="$(BUILD)" PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" \
		SYSCONFDIR="$(SYSCONFDIR)" scripts/install $@

deb: all
	@BUILD="$(BUILD)" scripts/deb

deb-test: deb
	@BUILD="$(BUILD)" scripts/deb-test

fresh:
	exec scripts/fresh

# One target a program, so that -j runs them beside each other; -Otarget keeps
# what each of them says together.
unit: $(TESTS:%=%.run)

$(TESTS:%=%.run): %.run: %
	@echo "== $<"; $<

check-style:
	scripts/check-style

analyze:
	exec scripts/analyze

model:
	exec tests/model/check full

crash fuzz races soak:
	exec scripts/proof $@

run:
	exec scripts/run

test:
	exec scripts/test

test-apache:
	exec scripts/test apache

bench:
	exec scripts/bench

clean:
	rm -rf build

format:
	clang-format -i $(wildcard lib/*/*.[ch] app/*.[ch] tests/*/*.[ch])

-include $(wildcard $(BUILD)/*/*.d $(BUILD)/*/*/*.d)
