/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The resource manager: many clients on one TPM that holds three objects and three
 * sessions at a time.
 *
 * A client is one open of /dev/vtpmrmN. Its objects have virtual handles, 80FFFFFF
 * downwards, which mean nothing in another client's commands; its sessions keep the
 * handles that the TPM gave them, and are refused to everybody else. Whoever comes in
 * by another way (the raw node, a socket, a chip) is RM_RAW: it sees the TPM's own
 * handles, but not what belongs to clients.
 *
 *	object		LOADED <--> SAVED	its context is kept while it is loaded: it
 *						does not change, so that the next swap is one
 *						FlushContext; a sequence object is saved anew
 *	session		LOADED <--> SWAPPED	by us, when its place is needed; and by the
 *						client's own ContextSave, which makes it
 *						"given" as well, until its ContextLoad
 *
 * Swapping is lazy: a command brings in what it names and is not there, and what it
 * needs room for is made room for when the TPM says that there is none. The TPM's
 * warnings are the only count of its slots (Part 3, 30.2 has another one for each TPM).
 *
 *	rm.h		what the engine calls
 *	table.c		who has what, and who may have more
 *	context.c	saved contexts, in memory that outlives the engine
 *	swap.c		in and out
 *	capability.c	lists of handles
 *	command.c	one command: find, bring in, run, settle
 *	pack.c		the tables as bytes, for the unit
 *
 * Everything is in struct rm; there are no locks and no callbacks but the TPM itself.
 */
#ifndef RM_RM_H
#define RM_RM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/command.h"
#include "wire/tpm.h"

/** define RM_RAW - the client that is none of the resource manager's */
#define RM_RAW 0

/* Objects of all clients, and of one. */
#define RM_OBJECTS	      256
#define RM_OBJECTS_PER_CLIENT 24
/* Sessions: as many as libtpms can have active (MAX_ACTIVE_SESSIONS), and of one client. */
#define RM_SESSIONS	       64
/* Of these clients leave some to the raw node, through which things are set right. */
#define RM_SESSIONS_RAW	       4
#define RM_SESSIONS_PER_CLIENT 16
/* The last quarter of each table is kept for those that have fewer than this. */
#define RM_FAIR 3
/* Saved contexts: one for each object and session, and those that wait to be reused. */
#define RM_CONTEXTS	384
#define RM_CONTEXT_SIZE 4096
#define RM_DIGEST_SIZE	32
/* What rm_pack() writes at most. */
#define RM_PACK_MAX (24u << 10)
/* Largest command and response. */
#define RM_COMMAND_SIZE 4096

/** define RM_E_HANDLE - an object that is not the client's: its call fails with EINVAL */
#define RM_E_HANDLE 1

/** define RM_COMMAND_CODE - what a client is told of a command that there is none */
#define RM_COMMAND_CODE (TPM_RC_LAYER_RESMGR | TPM_RC_COMMAND_CODE)

/**
 * typedef rm_execute - how a command reaches the TPM
 *
 * Parameters and result are those of the engine's tpmlib_run().
 */
typedef int rm_execute(uint8_t locality, const uint8_t *command, size_t length, uint8_t *response,
		       size_t room, size_t *ret_length);

/**
 * struct rm_context - a saved context
 * @slot: where it is kept
 * @length: bytes of it, 0 for none
 * @digest: SHA-256 of it: the memory's keeper is not trusted with it
 */
struct rm_context {
	uint16_t slot;
	uint16_t length;
	uint8_t digest[RM_DIGEST_SIZE];
};

/**
 * struct rm_object - a client's transient object
 * @client: whose it is, 0: none, the entry is free
 * @handle: virtual, as the client knows it
 * @loaded: the TPM's handle, 0 while it is not loaded
 * @sequence: it changes when it is used
 * @context: saved; kept while loaded
 * @used: when it was last used, in commands
 */
struct rm_object {
	uint64_t client;
	uint32_t handle;
	uint32_t loaded;
	bool sequence;
	struct rm_context context;
	uint64_t used;
};

enum rm_session_state {
	RM_SESSION_NONE,
	RM_SESSION_LOADED,
	RM_SESSION_SWAPPED,
	_RM_SESSION_MAX,
};

/**
 * struct rm_session - a client's session; its place in the table is its handle's number
 * @client: whose it is
 * @handle: the TPM's
 * @state: see the file's head
 * @context: saved, of this moment, while SWAPPED
 * @sequence: number of @context, by which the TPM knows the oldest one
 * @given: digest of the context that the client was given by ContextSave, zero for none.
 *	To the client it is saved then, wherever we have it, and @context may have been
 *	renewed since
 * @used: when it was last used, in commands
 */
struct rm_session {
	uint64_t client;
	uint32_t handle;
	enum rm_session_state state;
	struct rm_context context;
	uint64_t sequence;
	uint8_t given[RM_DIGEST_SIZE];
	uint64_t used;
};

/**
 * struct rm_slot - room for one context
 * @used: an entry has it
 * @freed: publish after which it was given up: the unit of then may still be needed
 */
struct rm_slot {
	bool used;
	uint64_t freed;
};

/**
 * struct rm - all there is
 * @execute: the TPM
 * @memory: room for contexts, borrowed
 * @objects: of all clients
 * @sessions: of all clients
 * @slots: of @memory
 * @top: entries of @objects in use are below
 * @owned: objects and sessions of all clients
 * @full: clients' objects that were loaded when the TPM last had no room for one more; 0: not known
 * @now: counts commands
 * @published: counts calls of rm_published()
 * @changed: since then something has come, gone, or been saved. Loading what is saved, and
 *	putting out what is kept, changes nothing: who resumes from the unit finds the same
 * @command: for orders of our own, and the client's command with the TPM's handles
 * @response: to orders of our own
 * @length: bytes of it
 */
struct rm {
	rm_execute *execute;
	uint8_t (*memory)[RM_CONTEXT_SIZE];
	struct rm_object objects[RM_OBJECTS];
	struct rm_session sessions[RM_SESSIONS];
	struct rm_slot slots[RM_CONTEXTS];
	size_t top;
	size_t owned;
	unsigned int full;
	uint64_t now;
	uint64_t published;
	bool changed;
	uint8_t command[RM_COMMAND_SIZE];
	uint8_t response[RM_COMMAND_SIZE];
	size_t length;
};

/**
 * rm_init() - no clients
 * @rm: to be set up
 * @execute: the TPM
 * @memory: RM_CONTEXTS times RM_CONTEXT_SIZE bytes, borrowed
 */
void rm_init(struct rm *rm, rm_execute *execute, void *memory);

/**
 * rm_run() - have a client's command executed
 * @rm: resource manager
 * @client: who sends it, RM_RAW for whoever is not managed
 * @locality: 0 to 4
 * @command: with a sound head
 * @attributes: its row, NULL for a command that is not known
 * @response: room for RM_COMMAND_SIZE bytes
 * @ret_length: bytes of the response
 *
 * Return: 0, whatever the response says; RM_E_HANDLE (nothing ran); -errno of the TPM.
 */
int rm_run(struct rm *rm, uint64_t client, uint8_t locality, const struct tpm_command *command,
	   const struct command_attributes *attributes, uint8_t *response, size_t *ret_length);

/**
 * rm_close() - a client is gone: flush its sessions and its objects
 *
 * Return: 0, also for a client that had nothing; -errno of the TPM.
 */
int rm_close(struct rm *rm, uint64_t client);

/** rm_published() - what rm_pack() gave, and the TPM's state, have been published */
void rm_published(struct rm *rm);

/** rm_pack() - write the tables. Return: bytes, at most RM_PACK_MAX; 0 when @room is too small */
size_t rm_pack(const struct rm *rm, uint8_t *to, size_t room);

/**
 * rm_unpack() - take over tables that were published, and the TPM's state with them
 * @rm: initialised
 * @bytes: of rm_pack(); none means no clients
 * @length: bytes of it
 *
 * Return: 0; -EBADMSG (not of rm_pack(), or a context in the memory is not the one it
 * was): @rm has no clients then.
 */
int rm_unpack(struct rm *rm, const uint8_t *bytes, size_t length);

#endif /* RM_RM_H */
