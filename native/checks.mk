# What looks for faults that no test was written for: fuzzing, static analysis, memcheck.
#   make fuzz       the fuzz targets, build/fuzz/TARGET; fuzz/long.sh [SECONDS [TARGET…]] runs them
FUZZ_TARGETS := intake messages probes changes parsers
FUZZ_CC := clang
FUZZ_SANITIZERS := address,undefined
FUZZ_FLAGS = $(COMMON) -O1 -g1 -Isrc -fsanitize=$(FUZZ_SANITIZERS) -fno-sanitize-recover=all -fno-omit-frame-pointer
# Digests take longest, and have nothing to find out by coverage.
fuzz_speed = $(if $(filter src/hash.c src/sha2.c src/md5_sha1.c,$<),-O2,-fsanitize=fuzzer-no-link)
FUZZ_SHARED := fuzz/feed.c fuzz/scratch.c fuzz/open.c test/twin.c
FUZZ_HEADERS := $(wildcard fuzz/*.h)

build/fuzz.made-with: MADE_WITH = '$(FUZZ_CC) $(VERSION)'
build/fuzz/%.o: %.c $(HEADERS) $(TEST_HEADERS) $(FUZZ_HEADERS) Makefile checks.mk build/fuzz.made-with
	@mkdir -p $(@D)
	$(call say,CC,$< (fuzzing))
	$(Q)$(FUZZ_CC) $(FUZZ_FLAGS) $(fuzz_speed) -c -o $@ $<
# It includes the sources whose static functions it calls.
build/fuzz/fuzz/parsers.o: $(LIBRARY_SOURCES)
# An archive, so that a target may bring a source of its own.
build/fuzz/helper.a: $(call objects,fuzz,$(LIBRARY_SOURCES))
	@rm -f $@
	$(call say,AR,$@)
	$(Q)ar rcD $@ $^

# What a target does itself in place of the helper: nothing forks, ends or is sent.
comma := ,
WRAPPED_intake := fatal router_now_ms socketpair fork kill
WRAPPED_probes := send port_broken
WRAPPED_changes := send port_broken
WRAPPED_parsers := fopen
SHARED_intake := fuzz/feed.c
SHARED_messages := fuzz/feed.c test/twin.c
SHARED_parsers := fuzz/feed.c fuzz/scratch.c
SHARED_probes := $(FUZZ_SHARED)
SHARED_changes := $(FUZZ_SHARED)
.SECONDEXPANSION:
$(FUZZ_TARGETS:%=build/fuzz/%): build/fuzz/%: build/fuzz/fuzz/%.o $$(call objects,fuzz,$$(SHARED_$$*)) build/fuzz/helper.a
	$(call say,LD,$@)
	$(Q)$(FUZZ_CC) -fsanitize=fuzzer,$(FUZZ_SANITIZERS) -o $@ $^ $(WRAPPED_$*:%=-Wl$(comma)--wrap=%)
fuzz: $(FUZZ_TARGETS:%=build/fuzz/%)
.PHONY: fuzz

#   make tidy       clang-tidy, by .clang-tidy; make cppcheck, by cppcheck.cfg and cppcheck.suppressions
ANALYSIS_FLAGS := -std=c11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DHELPER_VERSION='"$(VERSION)"' -Isrc
build/tidy/%.ok: %.c $(HEADERS) .clang-tidy
	@mkdir -p $(@D)
	$(call say,TIDY,$<)
	$(Q)clang-tidy --quiet $< -- $(ANALYSIS_FLAGS) 2>build/tidy/$*.log || { cat build/tidy/$*.log; exit 1; }
	@touch $@
tidy: $(SOURCES:%.c=build/tidy/%.ok)

CPPCHECK_JOBS ?= $(shell nproc)
cppcheck:
	@mkdir -p build/cppcheck
	$(call say,CPPCHECK,src)
	$(Q)cppcheck -j$(CPPCHECK_JOBS) --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability --inline-suppr \
	  --library=cppcheck.cfg --suppressions-list=cppcheck.suppressions --suppress=missingIncludeSystem \
	  --cppcheck-build-dir=build/cppcheck -D__$(MACHINE)__ $(filter-out -std=%,$(ANALYSIS_FLAGS)) src
.PHONY: tidy cppcheck

#   make valgrind   the C tests, and conversations with the helper, under memcheck
build/plain/unsealed-helper: $(call objects,plain,$(LIBRARY_SOURCES) memcheck/helper.c)
	$(call say,LD,$@)
	$(Q)$(TEST_CC) -o $@ $^
valgrind: build/plain/helper-test build/plain/unsealed-helper
	$(Q)bash memcheck/run.sh
.PHONY: valgrind
