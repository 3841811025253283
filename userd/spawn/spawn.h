/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vtpm-spawn: zygote and fd keeper.
 *
 *	main.c		birth and death
 *	options.c	the command line
 *	table.c		what is kept of each vTPM
 *	start.c		a fork that becomes an engine
 *	requests.c	what the manager asks (wire/ipc_spawn.h)
 *	loop.c		one place to sleep: manager, listener, signals
 *
 * A vTPM with a socket has more things kept: the journals of its two connections, and the
 * connections, which lie in a pair of sockets and are never looked at (engine/journal.h).
 *
 * It is one thread that never waits for anybody: not for the manager, who is cut off
 * when he does not read, nor for an engine. It parses nothing of what the channels
 * carry and holds no key; the checkpoint memory it keeps is ciphertext.
 *
 * Engines end with it (PR_SET_PDEATHSIG), for the manager hears of their deaths from
 * nobody else. He keeps their lives too, and the next spawn starts others that go on from
 * there. Only where both die at one time that is a power cut for the TPMs: no commit
 * that was answered is lost, what is volatile is.
 */
#ifndef SPAWN_SPAWN_H
#define SPAWN_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/notify.h"
#include "engine/child.h"
#include "wire/ipc.h"
#include "wire/life.h"

/** define SPAWN_ENTRIES_MAX - vTPMs of one host; each keeps two descriptors, or six */
#define SPAWN_ENTRIES_MAX 4096

/**
 * define SPAWN_FILES_SPARE - descriptors no new vTPM gets: for the next manager, what he
 * sends, and the restart of the vTPMs that are there
 */
#define SPAWN_FILES_SPARE 16

/** define SPAWN_REQUEST_MAX - bytes of the largest request */
#define SPAWN_REQUEST_MAX 128

/** define SPAWN_PATIENCE_MS - from SIGTERM to SIGKILL when all shall end */
#define SPAWN_PATIENCE_MS 10000

/**
 * define SPAWN_LEAVE_MS - from SIGHUP to SIGKILL when all are left to another spawn: one
 * engine with a long command shall not keep the clients of all others waiting
 */
#define SPAWN_LEAVE_MS 2000

/** struct spawn_uuid - as two words of its big-endian form */
struct spawn_uuid {
	uint64_t high;
	uint64_t low;
};

/**
 * struct spawn_entry - what is kept of a vTPM
 * @used: this entry is one
 * @uuid: vTPM
 * @instance: life of the device that @life belongs to
 * @life: what the next engine goes on from
 * @channel: the manager's end of the channel to the last engine, -1 for none
 * @pid: engine, 0 where none runs
 * @ended: the engine that ended last
 * @status: wait status of the one that ended
 * @unreported: SPAWN_EXITED has yet to be sent
 */
struct spawn_entry {
	bool used;
	struct spawn_uuid uuid;
	uint64_t instance;
	struct life life;
	int channel;
	pid_t pid;
	pid_t ended;
	uint32_t status;
	bool unreported;
};

/**
 * struct spawn_table - all of them
 * @entries: used and unused ones
 * @end: none is used from here on
 * @running: engines
 */
struct spawn_table {
	struct spawn_entry entries[SPAWN_ENTRIES_MAX];
	size_t end;
	size_t running;
};

/**
 * struct spawn - all there is
 * @zygote: what the children share
 * @table: vTPMs
 * @notify: service manager
 * @listener: spawn.sock
 * @signals: signalfd
 * @manager: connection, -1 for none
 * @manager_uid: who may be that
 * @listing: a SPAWN_LIST is being answered
 * @list_tag: tag of that
 * @list_next: entry that comes next
 * @unreported: entries with a report to be sent
 * @told: the manager has been told all, so he keeps every life
 * @leaving: end as soon as @told, without a word to the TPMs: there will be another spawn
 * @ending: no new engine; ends when the last one has
 * @quiet_until_ms: when a refused connection is logged again, on the monotonic clock
 * @deadline_ms: when those that still run are killed, on the monotonic clock
 */
struct spawn {
	struct engine_zygote zygote;
	struct spawn_table table;
	struct notify notify;
	int listener;
	int signals;
	int manager;
	uid_t manager_uid;
	bool listing;
	uint32_t list_tag;
	size_t list_next;
	size_t unreported;
	bool told;
	bool leaving;
	bool ending;
	int64_t quiet_until_ms;
	int64_t deadline_ms;
};

/**
 * struct spawn_options - the command line
 * @runtime_dir: --runtime-dir
 * @manager_uid: --manager-uid, or @uid
 * @uid: --user, or our own
 * @gid: its group
 * @check: --check
 * @checkpoints: --checkpoint-fd
 * @checkpoint_count: how many
 * @help: --help
 */
struct spawn_options {
	const char *runtime_dir;
	uid_t manager_uid;
	uid_t uid;
	gid_t gid;
	bool check;
	int checkpoints[SPAWN_ENTRIES_MAX];
	size_t checkpoint_count;
	bool help;
};

/* options.c */

/** spawn_options_parse() - Return: 0, or -EINVAL after a line to the log */
int spawn_options_parse(struct spawn_options *options, int argc, char **argv);

/** spawn_options_help() - describe them on standard output */
void spawn_options_help(void);

/* table.c */

/** spawn_table_find() - Return: the entry of @uuid; NULL */
struct spawn_entry *spawn_table_find(struct spawn_table *table, struct spawn_uuid uuid);

/** spawn_table_find_pid() - Return: the entry whose engine is @pid; NULL */
struct spawn_entry *spawn_table_find_pid(struct spawn_table *table, pid_t pid);

/** spawn_table_add() - Return: a new entry for @uuid; NULL (there are SPAWN_ENTRIES_MAX) */
struct spawn_entry *spawn_table_add(struct spawn_table *table, struct spawn_uuid uuid);

/** spawn_table_remove() - close what an entry keeps, forget it */
void spawn_table_remove(struct spawn_table *table, struct spawn_entry *entry);

/* start.c */

/**
 * struct spawn_start - a request to start an engine
 * @uuid: vTPM
 * @instance: life of its device
 * @flags: &enum spawn_start_flags
 * @links: descriptors for the engine, borrowed
 * @count: how many
 * @life: what the manager kept; taken by spawn_start() where it is needed
 */
struct spawn_start {
	struct spawn_uuid uuid;
	uint64_t instance;
	uint32_t flags;
	int links[2];
	unsigned int count;
	struct life life;
};

/**
 * spawn_start() - fork an engine
 * @spawn: zygote
 * @start: which
 * @ret: its entry
 *
 * Return: 0; -EBUSY (its engine runs); -EMFILE (too many vTPMs, or descriptors);
 * another -errno of memfd_create(), socketpair() or fork().
 */
int spawn_start(struct spawn *spawn, struct spawn_start *start, struct spawn_entry **ret);

/* requests.c */

/**
 * spawn_request() - take one message of the manager, and answer it
 *
 * Return: 0; -EAGAIN (there is none); another -errno, which ends the connection.
 */
int spawn_request(struct spawn *spawn);

/** spawn_list_next() - send the next SPAWN_ENTRY. Return: 0; -EAGAIN (full); -errno */
int spawn_list_next(struct spawn *spawn);

/** spawn_report_next() - send the next SPAWN_EXITED. Return: 0; -EAGAIN (full); -errno */
int spawn_report_next(struct spawn *spawn);

/** spawn_signal_all() - send a signal to each engine */
void spawn_signal_all(struct spawn *spawn, int number);

/* loop.c */

/** spawn_begin_end() - SIGTERM to each engine; the loop ends with the last one */
void spawn_begin_end(struct spawn *spawn);

/** spawn_leave() - SIGHUP to each engine once the manager knows all; then as spawn_begin_end() */
void spawn_leave(struct spawn *spawn);

/** spawn_serve() - Return: 0 when it was told to end and all engines did; -errno */
int spawn_serve(struct spawn *spawn);

#endif /* SPAWN_SPAWN_H */
