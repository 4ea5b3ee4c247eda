# pollseed: PostgreSQL extension, built with PGXS.  "make help" lists the targets.
#
# Two kinds of target live here.  The developer targets (demo, test, matrix, lint ...) run scripts in dev/ that install what
# a fresh machine lacks, so they must work before there is a pg_config.  Everything else is PGXS and needs one.

EXTENSION  = pollseed
EXTVERSION := $(shell sed -n "s/^default_version *= *'\([^']*\)'.*/\1/p" pollseed.control)
PG_CONFIG  ?= pg_config

.DEFAULT_GOAL := all

DEV_TARGETS := demo demo-stop test matrix bench lint format dist help
.PHONY: $(DEV_TARGETS)

# What the scripts take from the command line or the environment.
export SUITES TESTS PERL_TESTS TIDY_CHECKS MATRIX BENCH POLLSEED_CACHE POLLSEED_DEMO_DIR
ifneq ($(filter-out default file,$(origin PG_CONFIG)),)
export PG_CONFIG
endif

help:
	@echo 'Build and install (PGXS; PG_CONFIG=... chooses the server):'
	@echo '  all            build the library (the default); WERROR=1 makes warnings errors'
	@echo '  install        install it into the server that pg_config belongs to'
	@echo '  uninstall      remove it from there'
	@echo '  installcheck   pg_regress and isolation tests against a running server (PGHOST, PGPORT)'
	@echo '  check-tap      Perl tests against the installed extension; they start their own servers'
	@echo '  clean          remove what the build and the tests made in this tree'
	@echo
	@echo 'Everything else, on a bare Debian or Ubuntu (missing packages are installed):'
	@echo '  demo           a private throw-away server with ten thousand seeded votes, shown'
	@echo '  demo-stop      stop that server and remove its folder'
	@echo '  test           every test on one server; SUITES="regress isolation pgtap tap", TESTS="name ..."'
	@echo '  matrix         the same on PostgreSQL 17 and 18, in chroots; MATRIX="17 18"'
	@echo '  bench          the figures that the README quotes; BENCH="votes backfill scores cache graph"'
	@echo '  lint           formatting, static analysis, gcc and clang builds, house rules'
	@echo '  format         rewrite the C sources with clang-format'
	@echo '  dist           zip of the committed tree for PGXN'

demo:
	@dev/demo.sh start

demo-stop:
	@dev/demo.sh stop

test:
	@dev/test.sh

matrix:
	@dev/matrix.sh

bench:
	@dev/bench.sh

lint:
	@dev/lint.sh

format:
	@dev/lint.sh --format

dist:
	git archive --format=zip --prefix=pollseed-$(EXTVERSION)/ -o pollseed-$(EXTVERSION).zip HEAD

# With nothing but developer targets asked for, stop here: PGXS is not needed and may not be installed yet.
ifneq ($(filter-out $(DEV_TARGETS),$(or $(MAKECMDGOALS),all)),)

PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifeq ($(wildcard $(PGXS)),)
$(error $(PG_CONFIG) leads to no server headers.  Install the server's development package (Debian: \
postgresql-server-dev-NN) or name another with PG_CONFIG=...; "make demo" and "make test" install what they need)
endif

MODULE_big = $(EXTENSION)
SOURCES   := $(sort $(wildcard src/*.c src/*/*.c))
OBJS       = $(SOURCES:.c=.o)
DATA       = $(sort $(wildcard sql/$(EXTENSION)--*.sql))

# pg_regress reads test/sql and compares with expected/; the isolation tester has a folder of its own, because servers
# before 16 do not find its expected files at the root.  Both make the extension in their database first.
REGRESS        = $(sort $(basename $(notdir $(wildcard test/sql/*.sql))))
REGRESS_OPTS   = --inputdir=test --load-extension=$(EXTENSION)
ISOLATION      = $(sort $(basename $(notdir $(wildcard test/isolation/specs/*.spec))))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=$(EXTENSION)

# The server's headers count as system headers: our warnings are about our code.  Symbols are hidden but for those marked
# PGDLLEXPORT, which servers before 16 define as nothing.  No contraction of a*b+c: generated data must not depend on the CPU.
# clang does not know all of the server's flags, and sees an unused parameter in a macro of the server where gcc does not.
PG_CPPFLAGS = -Isrc -isystem $(includedir_server) -DPOLLSEED_VERSION='"$(EXTVERSION)"' \
	$(if $(filter 15,$(MAJORVERSION)),-DPGDLLEXPORT='__attribute__((visibility("default")))')
CLANG_QUIET = -Wno-unknown-warning-option -Wno-ignored-optimization-argument -Wno-unused-parameter
PG_CFLAGS = -std=gnu11 -Wall -Wextra -fvisibility=hidden -ffp-contract=off \
	$(if $(findstring clang,$(shell $(CC) --version)),$(CLANG_QUIET)) \
	$(if $(filter 1,$(WERROR)),-Werror)

# Bitcode for the JIT is built where the server's clang and linker are at hand, and left out where they are not.
LLVM_TOOL := $(shell sed -n 's/^CLANG *= *//p; s,^LLVM_BINPATH *= *\(.*\),\1/llvm-lto,p' $(dir $(PGXS))../Makefile.global)
ifneq ($(words $(wildcard $(LLVM_TOOL))),2)
override with_llvm := no
endif

EXTRA_CLEAN = results regression.diffs regression.out output_iso tmp_check tmp_check_iso log pollseed-*.zip \
	$(wildcard src/*.o src/*.bc src/*/*.o src/*/*.bc)

include $(PGXS)

ifneq ($(filter 9 10 11 12 13 14,$(firstword $(subst ., ,$(MAJORVERSION)))),)
$(error pollseed needs PostgreSQL 15 or newer; $(PG_CONFIG) is $(VERSION))
endif

BITCODE_CFLAGS += -ffp-contract=off

# The sources are few: any header, the version or these rules changing rebuilds them all.
$(OBJS) $(OBJS:.o=.bc): $(wildcard src/*.h src/*/*.h) Makefile pollseed.control

# Bitcode of an older build beside a new library would be inlined in its place.
ifneq ($(with_llvm),yes)
.PHONY: drop-old-bitcode
install-lib: drop-old-bitcode
drop-old-bitcode:
	@rm -rf '$(DESTDIR)$(pkglibdir)/bitcode/$(MODULE_big)' '$(DESTDIR)$(pkglibdir)/bitcode/$(MODULE_big).index.bc'
endif

# The Perl tests start servers themselves, so they are not part of installcheck.
PROVE_TESTS = $(sort $(wildcard test/tap/*.pl))
.PHONY: check-tap
check-tap:
	$(prove_installcheck)

# What the static analysers need to know of the compile command.
.PHONY: print-cppflags
print-cppflags:
	@:$(info $(CPPFLAGS))

endif
