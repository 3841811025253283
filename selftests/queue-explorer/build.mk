# SPDX-License-Identifier: GPL-2.0-only
# make explore-queue
#	every state that driver/queue.c reaches with a few requests and two servers
# make explore-queue-selftest
#	a queue that is wrong in one place must be noticed
#
# The headers are the torture's, but for a clock that stands still and memory that can be
# put back.

EXPLORER := selftests/queue-explorer
EXPLORER_B := $(B)/queue-explorer
EXPLORER_CPPFLAGS := -I$(EXPLORER)/shim -I$(EXPLORER) $(TORTURE_CPPFLAGS)
EXPLORER_CFLAGS := $(TORTURE_CFLAGS) -O2 $(TORTURE_ASAN)
EXPLORER_LIBS := -lpthread -lcmocka
EXPLORER_OBJECTS := $(patsubst %.c,$(EXPLORER_B)/%.o,$(TORTURE_QUEUE) $(wildcard $(EXPLORER)/*.c))

$(EXPLORER_B)/%.o: %.c $(TORTURE_HEADERS) $(wildcard $(EXPLORER)/*.h $(EXPLORER)/shim/linux/*.h)
	@mkdir -p $(@D)
	$(CC) $(EXPLORER_CPPFLAGS) $(EXPLORER_CFLAGS) -c -o $@ $<

$(EXPLORER_B)/test_explorer: $(EXPLORER_OBJECTS)
	$(CC) $(EXPLORER_CFLAGS) -o $@ $^ $(EXPLORER_LIBS)

explore-queue: $(EXPLORER_B)/test_explorer
	$<

explore-queue-selftest: $(EXPLORER_OBJECTS)
	$(EXPLORER)/mutants $(EXPLORER_B)/mutant $(CC) $(EXPLORER_CPPFLAGS) $(EXPLORER_CFLAGS) \
		$(filter-out %/queue.o %/transition.o,$^) $(EXPLORER_LIBS)

.PHONY: explore-queue explore-queue-selftest
