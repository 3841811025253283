/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tell others what happened: each event to syslog (RFC 5424 over UDP) and to a webhook.
 *
 * The store is the queue: a thread with a connection of its own reads the events that
 * followed the last one it told. So a slow webhook delays nobody, and nothing is dropped
 * while this process lives. What happened before it began is not told again: whoever missed
 * it asks GET /v1/events?after=ID.
 */
#ifndef VERIFIER_NOTIFY_H
#define VERIFIER_NOTIFY_H

#include <jansson.h>

#include "verifier/config.h"

#define NOTIFY_LINE 1024

struct notify;

/**
 * notify_new() - begin to tell
 * @config: to whom; outlives it
 * @reason: why not
 * @room: bytes of @reason
 * @ret: set on success
 *
 * Return: 0; -EIO (the store, or the address of syslog); -ENOMEM.
 */
int notify_new(const struct config *config, char *reason, size_t room, struct notify **ret);

/** notify_wake() - there are new events */
void notify_wake(struct notify *notify);

/** notify_free() - stop telling; NULL is fine */
void notify_free(struct notify *notify);

/**
 * notify_line() - an event as a message of syslog
 * @event: of fleet_events_json()
 * @name: of this verifier
 * @ret: RFC 5424, in one line of ASCII
 */
void notify_line(const json_t *event, const char *name, char ret[NOTIFY_LINE]);

#endif /* VERIFIER_NOTIFY_H */
