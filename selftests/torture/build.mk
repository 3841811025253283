# SPDX-License-Identifier: GPL-2.0-only
# driver/queue.c in user space: its unit test, and the run in which real engines
# are killed ten thousand times while clients count what they did.
#
#	make test-queue			every transition and errno of queue.h; explore-queue
#	make torture-engine		KILLS=10000 SEED=...
#	make torture-engine-short	a few hundred kills, and the harness's own test
#	make torture-engine-selftest	a wrong driver, an old disk: must be noticed
#	make torture-engine-tsan	the harness under the thread sanitizer
#	make torture-lab		KILLS=1000 KERNELS=6.1: through the driver, in the lab

TORTURE := selftests/torture
TORTURE_B := $(B)/torture
TORTURE_CPPFLAGS := -D_GNU_SOURCE -I$(TORTURE)/shim -Iuapi -Idriver -I$(TORTURE)
TORTURE_CFLAGS := -std=gnu11 -O1 -g -fno-omit-frame-pointer -Wall -Wextra -Werror
TORTURE_LIBS := -ltss2-esys -lcrypto -lpthread
TORTURE_ASAN := -fsanitize=address,undefined -fno-sanitize-recover=all
TORTURE_TSAN := -fsanitize=thread
TORTURE_HEADERS := $(wildcard $(TORTURE)/*.h $(TORTURE)/shim/*/*.h driver/*.h uapi/linux/*.h)
TORTURE_QUEUE := driver/queue.c driver/transition.c driver/request.c driver/deadline.c
TORTURE_SOURCES := $(TORTURE_QUEUE) $(filter-out $(TORTURE)/test_%,$(wildcard $(TORTURE)/*.c))

KILLS ?= 10000
BIRTHS ?= 500
KILLS_SHORT ?= 500
SEED ?=
TORTURE_RUN = --engine $(B)/vtpm-engine $(if $(SEED),--seed $(SEED))
SABOTAGES := new-id replay lose old-checkpoint old-store old-both stale-instance

# $(call torture_program,name,sanitizer,sources): one compiler call a source
define torture_program
$(TORTURE_B)/$(1): $(3:%.c=$(TORTURE_B)/$(1).d/%.o)
	$$(CC) $(TORTURE_CFLAGS) $(2) -o $$@ $$^ $(TORTURE_LIBS) $(4)
$(TORTURE_B)/$(1).d/%.o: %.c $(TORTURE_HEADERS)
	@mkdir -p $$(@D)
	$$(CC) $(TORTURE_CPPFLAGS) $(TORTURE_CFLAGS) $(2) -c -o $$@ $$<
endef
$(eval $(call torture_program,torture-engine,$(TORTURE_ASAN),$(TORTURE_SOURCES)))
$(eval $(call torture_program,torture-engine-tsan,$(TORTURE_TSAN),$(TORTURE_SOURCES)))
$(eval $(call torture_program,test_queue,$(TORTURE_ASAN),$(TORTURE_QUEUE) \
	$(TORTURE)/test_queue.c,-lcmocka))

test-queue: $(TORTURE_B)/test_queue explore-queue
	$<

torture-engine: $(TORTURE_B)/torture-engine $(B)/vtpm-engine
	$< $(TORTURE_RUN) --kills $(KILLS) --births $(BIRTHS)

torture-engine-short: $(TORTURE_B)/torture-engine $(B)/vtpm-engine torture-engine-selftest
	$< $(TORTURE_RUN) --kills $(KILLS_SHORT) --births 30 --seconds 40

# Each must end with status 1 and say what it saw; a flag that is lost does no harm.
torture-engine-selftest: $(TORTURE_B)/torture-engine $(B)/vtpm-engine
	@for kind in $(SABOTAGES); do \
		log=$(TORTURE_B)/sabotage-$$kind.log; \
		$< $(TORTURE_RUN) --kills 400 --seconds 20 --quiet --sabotage $$kind >$$log 2>&1; \
		status=$$?; \
		if [ $$status != 1 ] || ! grep -h '^VIOLATION' $$log; then \
			echo "sabotage $$kind: status $$status, NOT NOTICED, see $$log"; exit 1; \
		fi; \
	done
	$< $(TORTURE_RUN) --kills 100 --seconds 20 --quiet --sabotage drop-flag

torture-engine-tsan: $(TORTURE_B)/torture-engine-tsan $(B)/vtpm-engine
	setarch -R $< $(TORTURE_RUN) --kills $(KILLS_SHORT)

torture-lab: programs $(B)/selftests/serve
	@$(MAKE) -s modules
	@VTPM_KILLS=$(KILLS) selftests/e2e/run $(KERNELS)

.PHONY: test-queue torture-engine torture-engine-short torture-engine-selftest \
	torture-engine-tsan torture-lab
