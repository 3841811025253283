// SPDX-License-Identifier: GPL-2.0
/*
 * Logs for benchmarks; see the header.
 */
#include "logs.h"

#include <stdio.h>

struct test_log *logs_events(void)
{
	struct test_log *log = test_log_good(1u << ATTEST_SHA1 | 1u << ATTEST_SHA256, 1);
	static uint8_t bytes[1024];

	while (log->out.used < LOGS_EVENTS_SIZE) {
		test_log_event(log, 9, EV_IPL, "a file", 6, "(hd0,gpt2)/boot/grub/x86_64", 28);
		test_log_event(log, 8, EV_IPL, "test -n x", 9, "grub_cmd: test -n x", 20);
		test_log_event(log, 4, EV_EFI_BOOT_SERVICES_APPLICATION, "an image", 8, bytes,
			       120);
		test_log_true(log, 5, EV_EFI_GPT_EVENT, bytes, sizeof(bytes));
		test_log_variable(log, EV_EFI_VARIABLE_AUTHORITY, true, "db", bytes, 1000);
	}
	return log;
}

struct test_log *logs_ima(size_t entries, struct attest_pcrs *pcrs)
{
	struct test_log *log = test_log_new(0);
	char path[64];

	test_log_ima(log, "boot_aggregate", pcrs);
	for (size_t i = 1; i < entries; i++) {
		snprintf(path, sizeof(path), "/usr/lib/x86_64-linux-gnu/libnumber-%zu.so.1", i);
		test_log_ima(log, path, pcrs);
	}
	return log;
}
