# SPDX-License-Identifier: GPL-2.0
# make check-powercut [CUTS=5] [POINTS=50] [SEED=1]	power cuts under a busy store, in the lab
# make check-powercut-selftest				the same without syncs has to fail

CUTS ?= 5
POINTS ?= 50
POWERCUT = selftests/powercut/run $(if $(SEED),--seed $(SEED))

$(B)/selftests/nosync.so: selftests/powercut/nosync.c
	@mkdir -p $(@D)
	$(CC) -O2 -Wall -Wextra -Werror -shared -fPIC -o $@ $<

check-powercut: $(B)/userd/store/test_cut
	@$(POWERCUT) --cuts $(CUTS) --points $(POINTS)

# Not one cut and not one log may pass.
check-powercut-selftest: $(B)/userd/store/test_cut $(B)/selftests/nosync.so
	@$(POWERCUT) --cuts 2 --points 20 --nosync $(B)/selftests/nosync.so \
		>$(B)/selftests/nosync.log 2>&1; status=$$?; \
	grep '^not ok' $(B)/selftests/nosync.log; \
	if [ $$status != 1 ] || ! grep -q '^not ok .* points of' $(B)/selftests/nosync.log || \
			! grep -q '^not ok .*cut 1' $(B)/selftests/nosync.log; then \
		echo "a store without syncs passes: see $(B)/selftests/nosync.log"; exit 1; \
	fi

.PHONY: check-powercut check-powercut-selftest
