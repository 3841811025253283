# SPDX-License-Identifier: GPL-2.0
# make demo: the main job, shown.

demo:
	@selftests/demo/run

.PHONY: demo
