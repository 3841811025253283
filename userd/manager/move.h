/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vTPMs that go to another host, powered off, and come from one.
 *
 *	there	manager_move_key()	certificate of the key that they are sent there under
 *	here	manager_export()	→ package (wire/package.h); it is never started here again
 *	there	manager_import()	→ it is in the store there, in its next epoch
 *
 * vtpm-keyd decides whom a data key is sealed to, and who sent one. What is seen to here is that a
 * vTPM lives once: the package is given away when the store, anchored in the host TPM, says that
 * it left, and not before; and one is taken in once.
 *
 * Who only looks is told all that is in the way. Who does not is told the first thing.
 */
#ifndef MANAGER_MOVE_H
#define MANAGER_MOVE_H

#include "manager/manager.h"
#include "wire/package.h"

/** define MOVE_BLOCKERS_MAX - things that can be in the way at one time */
#define MOVE_BLOCKERS_MAX 8

/** define MOVE_PACKAGE_MAX - largest package, in bytes */
#define MOVE_PACKAGE_MAX (4 + PACKAGE_HEAD_MAX + (320u << 10))

/**
 * struct manager_moved - what became of it; valid during a call only
 * @name: of the vTPM
 * @host: the other one, empty where nobody knows
 * @head: of the package; empty: there is none
 * @envelope: what is behind it
 * @blockers: what is in the way, where somebody looks
 * @blocker_count: how many
 */
struct manager_moved {
	char name[VTPM_NAME_SIZE];
	char host[KEYD_CA_NAME_MAX];
	struct manager_bytes head;
	struct manager_bytes envelope;
	struct problem blockers[MOVE_BLOCKERS_MAX];
	size_t blocker_count;
};

/** typedef manager_moved_done - @problem: NULL for success; @moved is valid then only */
typedef void (*manager_moved_done)(void *context, const struct problem *problem,
				   const struct manager_moved *moved);

/** manager_move_key() - have the key's chain, DER, as &struct manager_ca.part[0] */
void manager_move_key(struct manager *manager, manager_ca_done done, void *context);

/**
 * struct manager_export - where a vTPM shall go
 * @look: only say what is in the way
 * @again: it left before: give the same package, or with @chain another one for the same host
 * @chain: by manager_move_key() there; DER or PEM
 * @statement: verdict about that host
 * @signature: of the fleet's CA over that
 */
struct manager_export {
	bool look;
	bool again;
	struct manager_bytes chain;
	struct manager_bytes statement;
	struct manager_bytes signature;
};

/** manager_export() - seal it to another host; its bytes are copied */
void manager_export(struct manager *manager, const char *name, const struct manager_export *what,
		    manager_moved_done done, void *context);

/**
 * struct manager_import - a vTPM from another host
 * @look: only say what is in the way
 * @package: it
 * @what: name, front end and owner that it gets; the rest is in the package
 */
struct manager_import {
	bool look;
	struct manager_bytes package;
	struct manager_create what;
};

/** manager_import() - take it in, powered off; its bytes are copied */
void manager_import(struct manager *manager, const struct manager_import *what,
		    manager_moved_done done, void *context);

#endif /* MANAGER_MOVE_H */
