/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Columns of the report, and the one view that is too long for report.c.
 */
#ifndef VERIFIER_REPORT_VIEW_H
#define VERIFIER_REPORT_VIEW_H

#include <stdio.h>

#include "verifier/report.h"

#define REPORT_COLUMNS 12
#define REPORT_CELL    512

/** report_column() - heading of a column, from 0 to REPORT_COLUMNS - 1 */
const char *report_column(int column);

/** report_cell() - what a host has in a column; empty where nothing is known */
void report_cell(const json_t *host, int column, char ret[REPORT_CELL]);

/** report_member() - a member as text; "" where there is none */
const char *report_member(const json_t *object, const char *member);

/** report_html() - write the page of a report. Return: 0 or -EIO */
int report_html(FILE *to, const json_t *report);

#endif /* VERIFIER_REPORT_VIEW_H */
