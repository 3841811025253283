/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fleet: all that a verifier keeps of its hosts, in one SQLite file.
 *
 *	host	one row each: keys, standing, newest verdict, what the host says of itself
 *	event	what changed, in the order it did; never changed afterwards
 *	pass	hashes of what somebody shows to be let in: roles, and one-time tokens
 *	share	of hosts' root keys, encrypted (share.h)
 *	ek	endorsement keys without a certificate that an administrator vouches for
 *
 * No bearer or token is stored, only its SHA-256: all of them are 32 random bytes, which
 * nobody guesses. What changes rights or standing is synced before it returns (durable);
 * another pass of a host that passed is not: after a power cut the host is asked again.
 *
 * One thread uses a fleet at a time; each process and thread opens its own.
 */
#ifndef VERIFIER_FLEET_H
#define VERIFIER_FLEET_H

#include <jansson.h>

#include "verifier/standing.h"

#define FLEET_HASH	 32
#define FLEET_NAME_MAX	 66
#define FLEET_PUBLIC_MAX 2048
#define FLEET_SECRET	 44 /* printable, with its NUL */

/** enum fleet_role - who somebody is, by what he shows */
enum fleet_role {
	FLEET_NOBODY,
	FLEET_HOST,
	FLEET_VIEWER,
	FLEET_OPERATOR,
	FLEET_ADMIN,
	FLEET_ENROL,
	_FLEET_ROLE_MAX,
};

/**
 * struct fleet_keys - keys of a host
 * @ek_name: Name of its endorsement key
 * @ek_size: bytes of it; 0: the host has no TPM 2.0
 * @ek_listed: no certificate vouches for it, but an administrator
 * @ak: TPM2B_PUBLIC of the attestation key
 * @ak_size: bytes of it
 */
struct fleet_keys {
	uint8_t ek_name[FLEET_NAME_MAX];
	size_t ek_size;
	bool ek_listed;
	uint8_t ak[FLEET_PUBLIC_MAX];
	size_t ak_size;
};

/**
 * struct fleet_pass - who showed something
 * @role: FLEET_NOBODY: it opens nothing
 * @name: of whoever got it; of a host its id; of a token the host it is for, or empty
 */
struct fleet_pass {
	enum fleet_role role;
	char name[STANDING_NAME];
};

struct fleet;

/**
 * fleet_open() - open the file, or make it
 * @path: of it; made with mode 0600
 * @reason: why not
 * @room: bytes of @reason
 * @ret: set on success
 *
 * Return: 0; -EIO; -EPROTONOSUPPORT (of a newer version, or no such file); -ENOMEM.
 */
int fleet_open(const char *path, char *reason, size_t room, struct fleet **ret);

/** fleet_close() - close; NULL is fine */
void fleet_close(struct fleet *fleet);

/** fleet_begin() - what follows happens as a whole, or not. Return: 0 or -EIO */
int fleet_begin(struct fleet *fleet, bool durable);

/** fleet_end() - so be it (@good), or undo it. Return: 0 or -EIO (undone) */
int fleet_end(struct fleet *fleet, bool good);

/**
 * fleet_host_add() - a new host
 * @standing: of it
 * @keys: of it
 *
 * Return: 0; -EEXIST (there is this id); -EIO.
 */
int fleet_host_add(struct fleet *fleet, const struct standing *standing,
		   const struct fleet_keys *keys);

/** fleet_host_get() - find a host; @ret_keys may be NULL. Return: 0; -ENOENT; -EIO */
int fleet_host_get(struct fleet *fleet, const char *id, struct standing *ret,
		   struct fleet_keys *ret_keys);

/** fleet_host_by_ek() - find the host of an endorsement key. Return: 0; -ENOENT; -EIO */
int fleet_host_by_ek(struct fleet *fleet, const uint8_t *name, size_t size,
		     char ret_id[STANDING_ID]);

/** fleet_host_rekey() - a host has other keys now. Return: 0; -ENOENT; -EIO */
int fleet_host_rekey(struct fleet *fleet, const char *id, const struct fleet_keys *keys);

/**
 * fleet_host_set() - a host stands elsewhere
 * @standing: of it
 * @verdict: newest one as JSON text; NULL: as before
 *
 * Return: 0; -ENOENT; -EIO.
 */
int fleet_host_set(struct fleet *fleet, const struct standing *standing, const char *verdict);

/** fleet_host_facts() - what a host says of itself, as JSON text. Return: 0; -ENOENT; -EIO */
int fleet_host_facts(struct fleet *fleet, const char *id, const char *facts);

/** fleet_host_remove() - forget a host; its events stay. Return: 0; -ENOENT; -EIO */
int fleet_host_remove(struct fleet *fleet, const char *id);

/**
 * fleet_event_add() - something happened
 * @id: of the host
 * @at: seconds since 1970
 * @reason: what
 *
 * Return: 0 or -EIO.
 */
int fleet_event_add(struct fleet *fleet, const char *id, int64_t at,
		    const struct attest_reason *reason);

/**
 * fleet_pass_add() - let somebody in
 * @secret: 32 bytes or a certificate; its hash is stored
 * @size: of it
 * @pass: as who
 * @until: seconds since 1970; 0: for good
 *
 * Return: 0; -EEXIST (there is that name in that role); -EIO.
 */
int fleet_pass_add(struct fleet *fleet, const void *secret, size_t size,
		   const struct fleet_pass *pass, int64_t until);

/** fleet_pass_get() - who shows this? Return: 0; -ENOENT (nobody, or it is over); -EIO */
int fleet_pass_get(struct fleet *fleet, const void *secret, size_t size, int64_t now,
		   struct fleet_pass *ret);

/**
 * fleet_pass_use() - one more use of a one-time token
 * @most: uses that it has; after the last one it is gone
 *
 * Return: 0; -ENOENT (it is used up); -EIO.
 */
int fleet_pass_use(struct fleet *fleet, const void *secret, size_t size, int most);

/** fleet_pass_spend() - it is used up now. Return: 0; -ENOENT (it was already); -EIO */
int fleet_pass_spend(struct fleet *fleet, const void *secret, size_t size);

/** fleet_pass_remove() - let nobody of that role and name in any more. Return: 0; -ENOENT; -EIO */
int fleet_pass_remove(struct fleet *fleet, const struct fleet_pass *pass);

/** fleet_ek_add() - an administrator vouches for a key without a certificate. Return: 0 or -EIO */
int fleet_ek_add(struct fleet *fleet, const uint8_t *name, size_t size);

/** fleet_ek_listed() - does one? Return: 0; -ENOENT; -EIO */
int fleet_ek_listed(struct fleet *fleet, const uint8_t *name, size_t size);

/** fleet_host_json() - a host for people and scripts; NULL where there is none */
json_t *fleet_host_json(struct fleet *fleet, const char *id, int64_t now);

/** fleet_hosts_json() - all of them, by name; NULL on errors */
json_t *fleet_hosts_json(struct fleet *fleet, int64_t now);

/**
 * fleet_events_json() - what happened
 * @id: of the host; NULL: to all
 * @after: number of an event; those that followed it
 * @most: how many
 *
 * Return: an array; NULL on errors.
 */
json_t *fleet_events_json(struct fleet *fleet, const char *id, int64_t after, int most);

/** fleet_event_last() - number of the newest event; 0: there is none */
int64_t fleet_event_last(struct fleet *fleet);

/** fleet_newest_json() - the newest @most events of a host, newest first; NULL on errors */
json_t *fleet_newest_json(struct fleet *fleet, const char *id, int most);

/** fleet_role_name() - "nobody", "host", "viewer", "operator", "admin" or "enrol" */
const char *fleet_role_name(enum fleet_role role);

/** fleet_secret_new() - 32 random bytes, printable. Return: 0 or -EIO */
int fleet_secret_new(char ret[FLEET_SECRET]);

/** fleet_uuid_new() - a random UUID. Return: 0 or -EIO */
int fleet_uuid_new(char ret[STANDING_ID]);

/** fleet_time() - seconds since 1970 as RFC 3339; null for 0 */
json_t *fleet_time(int64_t seconds);

#endif /* VERIFIER_FLEET_H */
