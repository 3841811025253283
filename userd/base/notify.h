/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Telling the service manager how a process is: sd_notify(3)'s datagram, without
 * libsystemd, for processes whose children must stay small.
 */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

/**
 * struct notify - where to tell it
 * @fd: connected socket, -1 where nobody wants to know
 * @interval_ms: how often WATCHDOG=1 is wanted, half of what is allowed; -1: never
 */
struct notify {
	int fd;
	int interval_ms;
};

/**
 * notify_init() - look at NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID
 *
 * Return: 0, also where they are not set; -errno of socket() or connect(); -EINVAL.
 */
int notify_init(struct notify *notify);

/** notify_tell() - send @state, such as "READY=1"; errors are ignored */
void notify_tell(const struct notify *notify, const char *state);

#endif /* BASE_NOTIFY_H */
