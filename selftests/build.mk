# SPDX-License-Identifier: GPL-2.0
include selftests/lab/build.mk
include selftests/e2e/build.mk
include selftests/bench/build.mk
include selftests/demo/build.mk
include selftests/driver/build.mk
include selftests/report/build.mk
include selftests/torture/build.mk
include selftests/powercut/build.mk
include selftests/queue-explorer/build.mk
include selftests/nested/build.mk
include selftests/fuzz-kernel/build.mk
include selftests/containers/build.mk

# Everything that takes long about stored state and deaths: hours. Each part alone is a target.
torture:
	$(MAKE) torture-store
	$(MAKE) torture-engine KILLS=10000
	$(MAKE) check-daemon UPGRADES=20
	$(MAKE) torture-lab KILLS=1000 KERNELS=6.1
	$(MAKE) check-storm STORM="--kills 1000"
	$(MAKE) check-powercut CUTS=100 POINTS=1000
	$(MAKE) check-powercut-selftest

.PHONY: torture
