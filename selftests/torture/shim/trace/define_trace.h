/* SPDX-License-Identifier: GPL-2.0-only */
/* Tracepoints need no definition here: see linux/tracepoint.h. */
