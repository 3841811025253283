/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The service: hosts answer challenges, people read and decide, over HTTPS.
 *
 * One thread of libmicrohttpd does all of it, so nothing here has a lock. notify.c has a
 * thread and a connection of its own to the store, sync.c a thread that waits for the disk. A
 * request goes through request.c (head, body, answer), route.c (is there such a route, and who
 * may) and a handler.
 */
#ifndef VERIFIER_SERVICE_H
#define VERIFIER_SERVICE_H

#include <microhttpd.h>

#include "verifier/ca.h"
#include "verifier/challenge.h"
#include "verifier/config.h"
#include "verifier/enrol.h"
#include "verifier/fleet.h"
#include "verifier/judge.h"
#include "verifier/notify.h"
#include "verifier/sync.h"

#define SERVICE_CONNECTIONS_MAX 1024
#define SERVICE_ADDRESS_MAX	256 /* connections from one address */
#define SERVICE_BODY_MAX	65536
#define SERVICE_BODIES_MAX	(96u << 20)

/**
 * struct service - it
 * @config: of it
 * @fleet: of hosts
 * @challenges: open ones
 * @sync: has verdicts on the disk before they are answered
 * @authorities: the same, of hosts' CAs
 * @notify: tells others of events; NULL: nobody
 * @daemon: of libmicrohttpd
 * @ca: certifies keys
 * @enrolments: that were begun
 * @policy: that hosts are held against; NULL: none
 * @ima_policy: the same of files that they measured
 * @judge: of evidence
 * @boot_id: of the machine it runs on
 * @own_ak: name of its attestation key; size 0: nobody says
 * @bodies: bytes of all bodies being read
 */
struct service {
	const struct config *config;
	struct fleet *fleet;
	struct challenges *challenges;
	struct sync *sync;
	struct challenges *authorities;
	struct notify *notify;
	struct MHD_Daemon *daemon;
	struct ca *ca;
	struct enrolments *enrolments;
	struct policy *policy;
	struct ima_policy *ima_policy;
	struct judge judge;
	char boot_id[STANDING_ID];
	struct public_name own_ak;
	size_t bodies;
};

/**
 * service_new() - begin to serve
 * @config: outlives it
 * @fleet: used by the service alone until service_free(); stays the caller's
 * @ca: the same
 * @reason: why not
 * @room: bytes of @reason
 * @ret: set on success
 *
 * Return: 0; -EIO (certificate, key, address or policy); -ENOMEM.
 */
int service_new(const struct config *config, struct fleet *fleet, struct ca *ca, char *reason,
		size_t room, struct service **ret);

/** service_port() - where it listens */
unsigned int service_port(const struct service *service);

/** service_free() - end it; NULL is fine */
void service_free(struct service *service);

#endif /* VERIFIER_SERVICE_H */
