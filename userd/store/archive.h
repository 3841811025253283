/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The archive: definitions and envelopes of all vTPMs of a host, in one SQLite file.
 *
 * One thread owns the database. It sleeps until there are jobs, takes all there are,
 * and makes them durable in one transaction (WAL, synchronous=FULL): what arrives during
 * one sync forms the next commit, so the more there is to do, the less each one
 * costs. No timer, no delay. Finished jobs come back through a descriptor, and their done
 * functions are called by archive_dispatch(), in the thread that calls that.
 *
 *	caller	archive_submit() ─→ queue ─→ thread: one transaction
 *	caller	archive_dispatch() ←─ finished ←─┘
 *
 * Envelopes are opaque here: sealed by an engine, opened by an engine. A job fails
 * alone: the others of its transaction are not touched by it. Deleted content is
 * overwritten (secure_delete).
 *
 * An archive can be exchanged for an older copy of itself, and every envelope in that opens.
 * So it keeps a root over all vTPMs (store/tree.h), and where it has a witness, a
 * root that changes is sealed in the transaction that changes it:
 *
 *	lazy	seal, COMMIT, jobs finish; every ARCHIVE_ANCHOR: seal ahead, COMMIT, anchor
 *	strict	seal ahead, COMMIT, anchor, jobs finish
 *
 * Sealing ahead is sealing for the value that the witness's counter has after anchoring:
 * who dies between the two finds a block one ahead, and the witness goes on from there.
 */
#ifndef STORE_ARCHIVE_H
#define STORE_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/vtpm.h>

#include "wire/ipc_keyd.h"

#define VTPM_REASON_SIZE 256

/** define ARCHIVE_VERSION - of the schema: SQLite's user_version */
#define ARCHIVE_VERSION	     6
#define ARCHIVE_VERSION_TEXT "6"

/** define ARCHIVE_ROOT_SIZE - bytes of a root over all vTPMs */
#define ARCHIVE_ROOT_SIZE 32

/**
 * enum vtpm_front - what clients see
 * @VTPM_FRONT_DEVICE: /dev/vtpmN and /dev/vtpmrmN
 * @VTPM_FRONT_CHIP: /dev/tpmM and /dev/tpmrmM
 * @VTPM_FRONT_SOCKET: a stream socket with plain TPM framing, and PATH.ctrl beside it
 * @VTPM_FRONT_VM: the same two sockets, and a machine's firmware behind them
 */
enum vtpm_front {
	VTPM_FRONT_DEVICE = 1,
	VTPM_FRONT_CHIP = 2,
	VTPM_FRONT_SOCKET = 3,
	VTPM_FRONT_VM = 4,
};

/** vtpm_front_is_socket() - clients come by sockets, and not by the driver */
static inline bool vtpm_front_is_socket(enum vtpm_front front)
{
	return front == VTPM_FRONT_SOCKET || front == VTPM_FRONT_VM;
}

/**
 * struct vtpm_definition - what is stored of a vTPM, its envelope aside
 * @uuid: who it is
 * @name: unique on this host; empty for a spare
 * @front: front end
 * @uid: owner of nodes and sockets
 * @gid: group of nodes and sockets
 * @mode: permission bits of nodes and sockets
 * @banks: PCR banks, bit n for TPM_ALG_ID n; 0: the default (sha256)
 * @epoch: grows when the state takes another way than commit by commit; ahead of its
 *	envelope's until the engine has sealed that anew
 * @plain_state: its state leaves and comes in clear, by the control channel
 * @wanted: shall run: started again with the manager
 * @created: seconds since 1970
 * @quarantine: why it is quarantined; empty: it is not
 * @key: data key, wrapped by keyd
 * @key_length: bytes of it
 */
struct vtpm_definition {
	uint8_t uuid[16];
	char name[VTPM_NAME_SIZE];
	enum vtpm_front front;
	uid_t uid;
	gid_t gid;
	mode_t mode;
	uint32_t banks;
	uint64_t epoch;
	bool plain_state;
	bool wanted;
	int64_t created;
	char quarantine[VTPM_REASON_SIZE];
	uint8_t key[KEYD_WRAPPED_MAX];
	size_t key_length;
};

/** define ARCHIVE_HOST_SIZE - longest name of another host, its NUL included */
#define ARCHIVE_HOST_SIZE 65

/** define ARCHIVE_HEAD_MAX - largest head of a package (wire/package.h), in bytes */
#define ARCHIVE_HEAD_MAX 8192

/**
 * enum archive_way - which way a vTPM went last
 * @ARCHIVE_LEFT: to another host: its state, if it is here still, is never started
 * @ARCHIVE_CAME: from another host
 */
enum archive_way {
	ARCHIVE_LEFT = 1,
	ARCHIVE_CAME = 2,
};

/**
 * struct archive_mark - what stays of a move: stays when the vTPM is erased, and is anchored with
 * all others
 * @uuid: of the vTPM
 * @epoch: the first one that it had after the move: it comes here in a later one only
 * @way: which
 * @time: when, seconds since 1970
 * @host: the other one
 * @package: SHA-256 of the package's head
 */
struct archive_mark {
	uint8_t uuid[16];
	uint64_t epoch;
	enum archive_way way;
	int64_t time;
	char host[ARCHIVE_HOST_SIZE];
	uint8_t package[32];
};

/**
 * enum archive_kind - what a job does
 * @ARCHIVE_PUT: a new vTPM with its first envelope, both or neither. EEXIST: the name or
 *	the UUID is there already
 * @ARCHIVE_CHANGE: replace the definition of @define.uuid, but for its epoch and its
 *	key: those belong to its envelope. ENOENT; EEXIST: another one has the name
 * @ARCHIVE_COMMIT: replace the envelope of generation - 1 of this epoch or one before, where
 *	this is the vTPM's epoch. Done without a write where exactly this one is there
 *	already. ESTALE: another generation is, or another epoch; ENOENT: no such vTPM
 * @ARCHIVE_FORK: the same, where the vTPM's epoch is the one before this, which becomes the
 *	vTPM's
 * @ARCHIVE_REMOVE: erase a vTPM. ENOENT
 * @ARCHIVE_LOAD: read the envelope. ENODATA: there is none although there was one;
 *	ENOENT: no such vTPM
 * @ARCHIVE_PAPERS: replace what is recorded of its certificates. ENOENT: no such vTPM
 * @ARCHIVE_LEAVE: it is another host's now: it goes from epoch - 1 to its epoch, its data key from
 *	its row to its mark, with the head of the package. One that left in this very epoch
 *	gets another head. ESTALE: another epoch or generation; ENOENT: no such vTPM
 * @ARCHIVE_ARRIVE: PUT, with a mark, and an envelope of a former epoch. EINVAL: it is none, or
 *	of another vTPM or generation; EALREADY: it was here in this epoch or a later one; EUCLEAN:
 *	what is recorded of its former moves is not what the witness vouches for
 * @ARCHIVE_RECALL: read mark, head, key and envelope of one that left. ENOENT: none did; ENODATA:
 *	it was erased
 * @ARCHIVE_WITNESS: ask the witness whether this is the newest store, and which rows in it
 *	are not. EOPNOTSUPP: there is no witness
 * @ARCHIVE_ANCHOR: count, if anything has changed since that was done last
 * @ARCHIVE_ACCEPT: take the rows for the newest, each vTPM in its next epoch, with the block
 *	that the witness gave for @root, and count. ESTALE: the rows have another root; EINVAL:
 *	there is no block
 */
enum archive_kind {
	ARCHIVE_PUT,
	ARCHIVE_CHANGE,
	ARCHIVE_COMMIT,
	ARCHIVE_FORK,
	ARCHIVE_REMOVE,
	ARCHIVE_LOAD,
	ARCHIVE_PAPERS,
	ARCHIVE_LEAVE,
	ARCHIVE_ARRIVE,
	ARCHIVE_RECALL,
	ARCHIVE_WITNESS,
	ARCHIVE_ANCHOR,
	ARCHIVE_ACCEPT,
};

/**
 * struct archive_finding - a vTPM that is not what the witness vouches for
 * @uuid: who
 * @missing: it is not there at all
 * @reason: what is wrong with it
 */
struct archive_finding {
	uint8_t uuid[16];
	bool missing;
	char reason[VTPM_REASON_SIZE];
};

/**
 * struct archive_job - one thing to do
 * @next: the archive's
 * @kind: what
 * @define: PUT and CHANGE: all of it; otherwise its uuid, and for COMMIT and FORK its epoch
 *	and its key. LOAD: out, its epoch
 * @generation: PUT, ARRIVE, LEAVE, COMMIT, FORK: of the envelope. LOAD, RECALL: out
 * @sealed: LOAD: out, the epoch that the envelope is stored as
 * @bytes: PUT, ARRIVE, COMMIT, FORK: the envelope; PAPERS: the record; ACCEPT: the block. LOAD,
 *	RECALL: out, allocated. Freed with the job
 * @length: bytes of it
 * @mark: LEAVE, ARRIVE: all but its uuid and epoch, which are those of @define. RECALL: out
 * @head: LEAVE: of the package. RECALL: out, allocated. Freed with the job
 * @head_length: bytes of it
 * @root: ACCEPT: of the rows, each vTPM in its next epoch. WITNESS: out, the same
 * @verdict: WITNESS: out
 * @findings: WITNESS, where @verdict is NEWEST: out, rows that are not. Freed with the job
 * @finding_count: how many
 * @error: out: 0, or a positive errno; besides those of the kinds ENOSPC, EIO,
 *	EFBIG: nothing has changed, for certain; EUCLEAN: nobody can tell. With a witness,
 *	nothing having changed: ENOKEY: it does not take the store for the newest;
 *	ECANCELED: it is not waited for any more
 * @done: called by archive_dispatch(); the job is freed after it
 * @context: for @done
 */
struct archive_job {
	struct archive_job *next;
	enum archive_kind kind;
	struct vtpm_definition define;
	uint64_t generation;
	uint64_t sealed;
	uint8_t *bytes;
	size_t length;
	struct archive_mark mark;
	uint8_t *head;
	size_t head_length;
	uint8_t root[ARCHIVE_ROOT_SIZE];
	enum keyd_verdict verdict;
	struct archive_finding *findings;
	size_t finding_count;
	int error;
	void (*done)(struct archive_job *job);
	void *context;
};

/**
 * struct archive_witness - who knows which store is the newest
 * @witness: is it the one with this block and this root? 0; -ECANCELED; another -errno:
 *	there is no verdict. @ret_strict: whether each change is to be anchored
 * @seal: make a block for @root, @ahead of the counter or at it. 0; -ESTALE: @witness has to be
 *	asked first; -ECANCELED; another -errno
 * @anchor: count, once a block sealed ahead is durable. 0; -ECANCELED; another -errno: whether
 *	it was done @witness will say
 * @context: for all three
 *
 * Called in the archive's thread. They wait where the witness is away or locked.
 */
struct archive_witness {
	int (*witness)(void *context, const uint8_t *block, size_t length,
		       const uint8_t root[ARCHIVE_ROOT_SIZE], enum keyd_verdict *ret_verdict,
		       bool *ret_strict);
	int (*seal)(void *context, bool ahead, const uint8_t root[ARCHIVE_ROOT_SIZE],
		    uint8_t *block, size_t room, size_t *ret_length);
	int (*anchor)(void *context);
	void *context;
};

struct archive;

/**
 * archive_open() - open or make an archive, start its thread
 * @path: of the database file; its directory exists
 * @reason: why it could not be opened, for the operator
 * @room: bytes of @reason
 * @ret: the caller ends it with archive_free()
 *
 * Return: 0; -EUCLEAN (the file is no archive, is damaged, or of a newer version;
 * nothing was written); -ENOSPC; -EIO; -ENOMEM; another -errno.
 */
int archive_open(const char *path, char *reason, size_t room, struct archive **ret);

/**
 * archive_each() - look at each definition; only before the first archive_submit()
 *
 * @look is given each definition and the generation it says is durable.
 *
 * Return: 0; -EIO; -EUCLEAN (a row that cannot be).
 */
int archive_each(struct archive *archive,
		 void (*look)(void *context, const struct vtpm_definition *define,
			      uint64_t generation),
		 void *context);

/**
 * archive_each_papers() - look at each record of certificates; only before the first
 * archive_submit()
 *
 * Return: 0; -EIO; -EUCLEAN (a row that cannot be).
 */
int archive_each_papers(struct archive *archive,
			void (*look)(void *context, const uint8_t uuid[16], const uint8_t *bytes,
				     size_t length),
			void *context);

/**
 * archive_each_mark() - look at each mark; only before the first archive_submit()
 *
 * Return: 0; -EIO; -EUCLEAN (a row that cannot be).
 */
int archive_each_mark(struct archive *archive,
		      void (*look)(void *context, const struct archive_mark *mark), void *context);

/** archive_set_witness() - have a witness, copied; only before the first archive_submit() */
void archive_set_witness(struct archive *archive, const struct archive_witness *witness);

/** archive_is_dirty() - has anything changed that is not anchored? As of the jobs that are done */
bool archive_is_dirty(struct archive *archive);

/**
 * archive_version() - number of the present content, as of the jobs that are done
 *
 * Return: greater than 0, and greater after each change of this run; 0 where the witness has not
 * said that this is the newest store.
 */
uint64_t archive_version(struct archive *archive);

/** archive_fd() - descriptor that is readable when archive_dispatch() has work */
int archive_fd(const struct archive *archive);

/**
 * archive_job() - a job with nothing but its kind and done function
 *
 * Return: the job, owned by the caller until archive_submit(); NULL without memory.
 */
struct archive_job *archive_job(enum archive_kind kind, void (*done)(struct archive_job *job),
				void *context);

/** archive_job_bytes() - give a job a copy of an envelope. Return: 0 or -ENOMEM */
int archive_job_bytes(struct archive_job *job, const void *bytes, size_t length);

/** archive_job_head() - give a job a copy of a head. Return: 0 or -ENOMEM */
int archive_job_head(struct archive_job *job, const void *bytes, size_t length);

/** archive_job_free() - free a job that was not submitted; NULL is fine */
void archive_job_free(struct archive_job *job);

/** archive_submit() - have it done; the archive owns the job from now on */
void archive_submit(struct archive *archive, struct archive_job *job);

/** archive_dispatch() - call the done functions of what has finished */
void archive_dispatch(struct archive *archive);

/**
 * archive_free() - finish what was submitted, call its done functions, close
 *
 * Return: NULL.
 */
struct archive *archive_free(struct archive *archive);

#endif /* STORE_ARCHIVE_H */
