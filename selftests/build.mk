# SPDX-License-Identifier: GPL-2.0
include selftests/lab/build.mk
include selftests/e2e/build.mk
include selftests/bench/build.mk
include selftests/demo/build.mk
include selftests/driver/build.mk
include selftests/torture/build.mk
include selftests/powercut/build.mk
include selftests/queue-explorer/build.mk
include selftests/nested/build.mk
include selftests/fuzz-kernel/build.mk
include selftests/containers/build.mk
