# SPDX-License-Identifier: GPL-2.0
include selftests/lab/build.mk
