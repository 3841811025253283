/* SPDX-License-Identifier: GPL-2.0 */
/* Ways to reach a TPM, and how the benchmarks count. */
#ifndef BENCH_REACH_H
#define BENCH_REACH_H

#include <stddef.h>
#include <stdint.h>

#define REACH_MAX 4096

/**
 * struct reach - a way to reach a TPM
 * @name: for the report
 * @in: where responses come from, -1 for libtpms in this process
 * @out: where commands go to
 */
struct reach {
	const char *name;
	int in;
	int out;
};

void reach_libtpms(struct reach *reach);
void reach_pipe(struct reach *reach);
void reach_path(struct reach *reach, char *name_and_path);
size_t reach_run(const struct reach *reach, const uint8_t *command, size_t size, uint8_t *response);
void reach_pin(void);

double bench_now_us(void);
double bench_median(double *values, int n);
double bench_minimum(const double *values, int n);

#endif
