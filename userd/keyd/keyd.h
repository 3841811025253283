/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vtpm-keyd as a whole: what the files of this room share.
 *
 *	main.c		birth and death
 *	options.c	command line
 *	peer.c		who is connected, in which role; one message at a time
 *	orders.c	what each message does
 *	orders_store.c	the same, of those about the store
 *	orders_host.c	the same, of those about the host's evidence
 *	quote.c		what the attestation key signs
 *	claim.c		what engines say, and whether it was them
 *	deep.c		one quote for many claims
 *	orders_ca.c	the same, of those about the host's CA
 *	ca.c		its key and its chain
 *	subject.c	keys that it is to certify
 *	duty.c		how much of the host TPM's time that may take
 *	issued.c	what it certified
 *	orders_plan.c	the same, of those about planned configurations
 *	orders_move.c	the same, of those about vTPMs that come or go
 *	passed.c	whether another host may be trusted with one
 *	orders_share.c	the same, of those about a verifier's share
 *	answer.c	answers to them
 *	typed.c		what a person typed
 *	migration.c	the key that states are carried to another host under
 *	witness.c	is the store the newest?
 *	grant.c		tickets: data keys on their way to an engine
 *	pool.c		random bytes of the host TPM, kept ahead
 *	loop.c		the event loop, and what happens in it unasked
 *
 * One thread, one loop. A peer costs a descriptor and a row; no answer is ever queued
 * here: a peer that does not read what it asked for is dropped.
 */
#ifndef KEYD_KEYD_H
#define KEYD_KEYD_H

#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/notify.h"
#include "keyd/duty.h"
#include "keyd/grant.h"
#include "keyd/pool.h"
#include "keyd/witness.h"
#include "seal/root.h"

/** define KEYD_PEERS_MAX - connections at a time */
#define KEYD_PEERS_MAX 128

/** define KEYD_MESSAGE_MAX - largest request and answer, in bytes */
#define KEYD_MESSAGE_MAX 12288

/**
 * enum keyd_exit - exit status
 * @KEYD_EXIT_OK: asked to end
 * @KEYD_EXIT_ERROR: unexpected
 * @KEYD_EXIT_USAGE: bad command line
 * @KEYD_EXIT_BUSY: another vtpm-keyd has the directory or the socket
 * @KEYD_EXIT_SANDBOX: no sandbox
 */
enum keyd_exit {
	KEYD_EXIT_OK = 0,
	KEYD_EXIT_ERROR = 1,
	KEYD_EXIT_USAGE = 2,
	KEYD_EXIT_BUSY = 3,
	KEYD_EXIT_SANDBOX = 9,
};

/** define KEYD_NO_UID - no uid was given */
#define KEYD_NO_UID ((uid_t)-1)

struct keyd_options {
	const char *state_dir;
	const char *runtime_dir;
	const char *tcti;
	const char *user;
	uid_t manager_uid;
	uid_t engine_uid;
	bool help;
};

/**
 * enum keyd_role - what a peer may ask; one bit each, as ipc_dispatch() wants it
 * @KEYD_FREE: has a free slot's place
 * @KEYD_EITHER: its uid is both manager's and engine's, and it has not asked yet
 * @KEYD_MANAGER: everything but a data key
 * @KEYD_ENGINE: one data key
 * @KEYD_SERVED: an engine that has its data key: certificates of its vTPM's keys
 */
enum keyd_role {
	KEYD_FREE = 0,
	KEYD_EITHER = 1 << 0,
	KEYD_MANAGER = 1 << 1,
	KEYD_ENGINE = 1 << 2,
	KEYD_SERVED = 1 << 3,
};

struct keyd;
struct deep;

/**
 * struct keyd_peer - a connection
 * @keyd: whose
 * @source: its readiness
 * @fd: connection
 * @role: as above
 * @uid: of its process when it connected
 * @pid: the same
 * @number: grows with each connection; the lowest is the oldest
 * @uuid: of the vTPM, where KEYD_SERVED
 * @epoch: of it, as the manager said when it granted the key
 */
struct keyd_peer {
	struct keyd *keyd;
	sd_event_source *source;
	int fd;
	enum keyd_role role;
	uid_t uid;
	pid_t pid;
	uint64_t number;
	uint8_t uuid[IPC_UUID_SIZE];
	uint64_t epoch;
};

/**
 * struct keyd - the process
 * @options: command line
 * @uid: own
 * @event: loop
 * @listener: socket
 * @accepting: its readiness
 * @host: host TPM
 * @no_host: why there is none, empty where there is
 * @ek: its endorsement key's public area, size 0 until somebody asked: a TPM takes seconds
 * @root: host root key
 * @duty: of the host TPM, for certificates
 * @witness: what is known about the store
 * @scalar: private half of the session key; made at each start
 * @point: its public half; its y is even, so that a quote can name it by x
 * @grants: pending ones
 * @expiry: ends the oldest grant
 * @pool: random bytes of the host TPM
 * @refill: fills it in a quiet moment
 * @deep: quotes that stand for many vTPMs
 * @notify: the service manager
 * @peers: connections
 * @connections: how many there have been
 * @quiet_until: when a refused connection is logged again
 */
struct keyd {
	struct keyd_options options;
	uid_t uid;
	sd_event *event;
	int listener;
	sd_event_source *accepting;
	struct host host;
	struct reason no_host;
	TPM2B_PUBLIC ek;
	struct root root;
	struct duty duty;
	struct witness witness;
	uint8_t scalar[SEAL_SCALAR_SIZE];
	uint8_t point[SEAL_POINT_SIZE];
	struct grants grants;
	sd_event_source *expiry;
	struct pool pool;
	sd_event_source *refill;
	struct deep *deep;
	struct notify notify;
	struct keyd_peer peers[KEYD_PEERS_MAX];
	uint64_t connections;
	uint64_t quiet_until;
};

/** keyd_options_parse() - read the command line. Return: 0; -EINVAL, with a log line */
int keyd_options_parse(struct keyd_options *options, int argc, char **argv);

/** keyd_options_help() - print the summary */
void keyd_options_help(void);

/** keyd_listen() - take connections from @keyd->listener. Return: 0; -errno of sd-event */
int keyd_listen(struct keyd *keyd);

/** keyd_peer_drop() - end a connection; a free row is fine */
void keyd_peer_drop(struct keyd_peer *peer);

/**
 * keyd_take_order() - do what a message asks, and answer
 *
 * Return: 0; -EPROTO (not permitted, or not what it says it is); -EACCES (an engine without a
 * right ticket); -EAGAIN (the peer does not read); another -errno of ipc_send(). All
 * but 0 end the connection.
 */
int keyd_take_order(struct keyd_peer *peer, struct ipc_in *in);

/** keyd_refill() - have the pool filled in a quiet moment, or at once if it is empty */
void keyd_refill(struct keyd *keyd);

/** keyd_expire() - have the oldest grant ended in time */
void keyd_expire(struct keyd *keyd);

/** keyd_now() - when the loop woke up, in microseconds of CLOCK_BOOTTIME */
uint64_t keyd_now(const struct keyd *keyd);

/** keyd_block_signals() - leave SIGTERM and SIGINT to the loop. Return: 0; -errno */
int keyd_block_signals(void);

/** keyd_loop_make() - the loop and all it waits for. Return: 0; -errno of sd-event */
int keyd_loop_make(struct keyd *keyd);

#endif /* KEYD_KEYD_H */
