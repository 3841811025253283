/* SPDX-License-Identifier: GPL-2.0-only */
/* Only what queue.c hands to wake-ups, where it is ignored. */
#ifndef _SHIM_LINUX_POLL_H
#define _SHIM_LINUX_POLL_H

#define EPOLLIN 0x001
#define EPOLLRDNORM 0x040

#endif
