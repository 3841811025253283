/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside the manager: its own structures, one thread, one event loop.
 *
 * Who may change what:
 *	power.c		phase, goal and everything that the way to a running engine needs
 *	channel.c	generation, by what an engine commits
 *	keyd.c		what keyd last said; spawn.c, driver.c: their connections
 *	rollback.c	whether the store is the newest one, and when it is anchored
 *	attest.c	requests to vouch for a vTPM
 *	ask.c		those of its clients, through its device
 *	certify.c	papers: what is known of certificates, and wished for
 *	gate.h		the gate, and how its vTPMs stand to it
 *	move.c		vTPMs that go to another host (export.c) or come from one (import.c)
 *	manager.c	definitions, waiters, the list of vTPMs
 *
 * A vTPM is freed when it is removed and nothing it asked for is still under way
 * (@pending). Without memory the manager ends at once: what counts is durable or
 * with spawn, and the next manager takes over.
 */
#ifndef MANAGER_STATE_H
#define MANAGER_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "manager/gate.h"
#include "manager/manager.h"
#include "manager/paper.h"
#include "manager/peer.h"
#include "store/archive.h"
#include "wire/ipc_engine.h"
#include "wire/life.h"

/** define MANAGER_STARTS_MAX - engines that may be on their way at one time */
#define MANAGER_STARTS_MAX 32

/** define MANAGER_VTPMS_MAX - vTPMs of one host, spares included */
#define MANAGER_VTPMS_MAX 4096

/** define MANAGER_FALSE_STARTS_MAX - engines that die before they begin, until it is given up */
#define MANAGER_FALSE_STARTS_MAX 5

/** define MANAGER_STOP_SECONDS - how long an engine may take to end in order */
#define MANAGER_STOP_SECONDS 20

/** define ROLLBACK_PAUSE_SECONDS - between two anchorings: the counter's memory wears */
#define ROLLBACK_PAUSE_SECONDS 60

/**
 * enum vtpm_goal - what a vTPM shall come to
 * @VTPM_GOAL_OFF: powered off
 * @VTPM_GOAL_ON: powered on
 * @VTPM_GOAL_CYCLE: off, and on again
 * @VTPM_GOAL_REMOVED: erased
 */
enum vtpm_goal {
	VTPM_GOAL_OFF,
	VTPM_GOAL_ON,
	VTPM_GOAL_CYCLE,
	VTPM_GOAL_REMOVED,
};

/**
 * struct waiter - somebody waits until something has ended
 * @next: next one
 * @goal: on a vTPM: where it is to come to; VTPM_GOAL_ON: until it answers
 * @done: called once; NULL: nobody is to be called
 * @context: for @done
 * @forgotten: whose @context it was is gone
 * @problem: how it ended; PROBLEM_NONE: well
 */
struct waiter {
	struct waiter *next;
	enum vtpm_goal goal;
	manager_done done;
	void *context;
	bool forgotten;
	struct problem problem;
};

/**
 * struct launch - events that an engine measures when it powers a TPM on; empty for none
 * @image: what the container is made from
 * @configuration: what runs in it, and how
 */
struct launch {
	char image[ENGINE_EVENT_MAX];
	char configuration[ENGINE_EVENT_MAX];
};

/**
 * struct vtpm - one vTPM
 * @next: in the manager's list
 * @manager: whose
 * @define: definition, as stored once the jobs under way are done
 * @stored: it is in the archive
 * @storing: its first envelope is on its way there
 * @making: keyd or the archive is asked for what it needs; until then it goes nowhere
 * @preparing: made without a front end: a spare, or one that is not to be started
 * @fresh: just made: its first start does not wait for certificates
 * @papers: certificates of its keys; NULL: nothing is known
 * @moved: it left for another host, and is never started here
 * @moved_to: that
 * @generation: of the newest durable envelope
 * @reseals: that one is of a former epoch: the next engine seals its state anew
 * @store_error: errno of the last commit, 0: it is durable
 * @goal: what it shall come to
 * @phase: how far it is
 * @resume: the next engine shall resume this life
 * @failed: its engine does not stay up; until the next start
 * @reason: why it is locked or failed
 * @instance: of the present life
 * @life: what the next engine goes on from, should spawn have it no longer
 * @pid: of its engine
 * @former: spawn died, and the engine may still be dying: nothing is started until then
 * @former_fd: pidfd of that, -1 for none
 * @channel: to its engine, -1 for none
 * @channel_source: of it
 * @kill_timer: of an order to end
 * @chip_timer: of the next look for a chip
 * @envelope: what the next engine gets, NULL for none
 * @envelope_length: bytes of it
 * @ticket: what the next engine shows keyd
 * @launch: of a container, for the next engine that powers it on
 * @listen_fd: socket front end: where it listens; -1 for none
 * @control_fd: the same for localities
 * @index: device front end: N of /dev/vtpmN, or -1
 * @chip: chip front end: M of /dev/tpmM, or -1
 * @deaths: since the manager began
 * @false_starts: those in a row that died before they began
 * @short_lives: those in a row that served for less than a second
 * @ready_ms: when the last one began, CLOCK_MONOTONIC
 * @committing: envelopes on their way into the archive
 * @pending: jobs and calls that point here
 * @removed: out of the list; freed when nothing is pending
 * @waiters: who waits
 * @attests: requests to vouch for it
 * @asks: those that its clients made through its device
 * @ruled: it has a rule of its own at the gate
 * @rule: that one
 * @frozen: what its engine was told of its keys
 * @unheard: and may not have heard
 */
struct vtpm {
	struct vtpm *next;
	struct manager *manager;
	struct vtpm_definition define;
	bool stored;
	bool storing;
	bool making;
	bool preparing;
	bool fresh;
	struct papers *papers;
	bool moved;
	char moved_to[ARCHIVE_HOST_SIZE];
	uint64_t generation;
	bool reseals;
	int store_error;

	enum vtpm_goal goal;
	enum vtpm_phase phase;
	bool resume;
	bool failed;
	char reason[VTPM_REASON_SIZE];

	uint64_t instance;
	struct life life;
	pid_t pid;
	sd_event_source *former;
	int former_fd;
	int channel;
	sd_event_source *channel_source;
	sd_event_source *kill_timer;
	sd_event_source *chip_timer;
	uint8_t *envelope;
	size_t envelope_length;
	uint8_t ticket[KEYD_TICKET_SIZE];
	struct launch launch;

	int listen_fd;
	int control_fd;
	int index;
	int chip;

	uint32_t deaths;
	unsigned int false_starts;
	unsigned int short_lives;
	uint64_t ready_ms;

	unsigned int committing;
	unsigned int pending;
	bool removed;
	struct waiter *waiters;
	struct attesting *attests;
	struct asking *asks;

	bool ruled;
	struct gate_rule rule;
	bool frozen;
	bool unheard;
};

/**
 * struct manager_options - command line and configuration file
 * @foreground: start keyd and spawn where they are missing, end them at the end
 * @state_dir: where the archive is
 * @runtime_dir: where the sockets are
 * @tcti: for keyd, empty for its default
 * @control_node: the driver's
 * @user: become this user, empty for none
 * @group: members may use the API, empty for none
 * @spares: prepared vTPMs to keep
 * @help: print the help and end
 */
struct manager_options {
	bool foreground;
	char state_dir[64];
	char runtime_dir[64];
	char tcti[256];
	char control_node[64];
	char user[32];
	char group[32];
	unsigned int spares;
	bool help;
};

struct api;
struct asker;
struct backup;
struct upgrade;
struct children;
struct witness;

/**
 * struct rollback - is the store the newest one; rollback.c alone writes it
 * @asking: the archive asks keyd
 * @asked: which run of keyd was asked
 * @verdict: about the store; UNASKED until there is one
 * @root: over all rows, as it was judged
 * @again: a host TPM that gave no verdict is asked again
 * @anchoring: under way
 * @anchored: when that was begun last, CLOCK_MONOTONIC seconds; 0: never
 * @timer: the next time
 * @ended: the last one was made
 */
struct rollback {
	bool asking;
	unsigned int asked;
	enum keyd_verdict verdict;
	uint8_t root[ARCHIVE_ROOT_SIZE];
	sd_event_source *again;
	bool anchoring;
	uint64_t anchored;
	sd_event_source *timer;
	bool ended;
};

/**
 * struct manager - the manager
 * @options: of this run
 * @event: loop
 * @archive: definitions and envelopes
 * @archive_source: its descriptor in the loop
 * @backup: sees to it that there is a copy
 * @vtpms: all, spares too
 * @count: how many
 * @asked: waiters for what is asked of no vTPM, or of one that is being made
 * @ended: waiters whose done function is called in the loop's next round
 * @starting: how many are between VTPM_GRANTING and VTPM_BEGINNING
 * @keyd: connection
 * @keyd_runs: how often that was made
 * @unjudged: those who asked for the host, and hear how it is once there is a verdict
 * @witness: keyd as the archive's thread knows it
 * @rollback: is the store the newest one?
 * @spawn: connection
 * @listed: spawn has told what it keeps
 * @upgrade: under way, NULL: none
 * @host: what keyd last said
 * @control: the driver's control node, -1 for none
 * @api: HTTP side
 * @children: processes started in the foreground
 * @ending: all is to end, in order
 * @spare_timer: the next spare is due
 * @attest_tag: of the last question to vouch for one
 * @gate: whether this host is trusted, and what follows
 */
struct manager {
	struct manager_options options;
	sd_event *event;
	struct archive *archive;
	sd_event_source *archive_source;
	struct backup *backup;
	struct vtpm *vtpms;
	unsigned int count;
	struct waiter *asked;
	struct waiter *ended;
	unsigned int starting;
	struct peer keyd;
	unsigned int keyd_runs;
	struct asker *unjudged;
	struct witness *witness;
	struct rollback rollback;
	struct peer spawn;
	bool listed;
	struct upgrade *upgrade;
	struct manager_host host;
	int control;
	struct api *api;
	struct children *children;
	bool ending;
	sd_event_source *spare_timer;
	uint32_t attest_tag;
	struct gate gate;
};

/** manager_out_of_memory() - end at once: a restart costs nothing */
void manager_out_of_memory(void) __attribute__((noreturn));

/* manager.c: the list */

/** manager_add() - a vTPM with this definition, in the list, idle */
struct vtpm *manager_add(struct manager *manager, const struct vtpm_definition *define);

/** manager_drop() - take it out of the list, free it as soon as nothing is pending */
void manager_drop(struct vtpm *vtpm);

/** manager_find() - by name, or NULL; spares have none */
struct vtpm *manager_find(struct manager *manager, const char *name);

/** manager_find_uuid() - by UUID, or NULL */
struct vtpm *manager_find_uuid(struct manager *manager, const uint8_t *uuid);

/** manager_settle() - tell those who wait for @goal how it ended */
void manager_settle(struct vtpm *vtpm, enum vtpm_goal goal, const struct problem *problem);

/** manager_tell() - call @done with @problem (NULL: success) in the loop's next round */
void manager_tell(struct manager *manager, manager_done done, void *context,
		  const struct problem *problem);

/** manager_ask() - somebody waits; ended by manager_answer() or manager_start_new() */
struct waiter *manager_ask(struct manager *manager, manager_done done, void *context);

/** manager_answer() - tell it @problem (NULL: success) in the loop's next round */
void manager_answer(struct manager *manager, struct waiter *waiter, const struct problem *problem);

/** manager_hold() - something under way points here */
void manager_hold(struct vtpm *vtpm);

/** manager_release() - it has ended. Return: false: the vTPM is gone, do not touch it */
bool manager_release(struct vtpm *vtpm);

/** manager_save() - write the definition; errors are logged */
void manager_save(struct vtpm *vtpm);

/** manager_rename() - give it a name, and its place in the list */
void manager_rename(struct vtpm *vtpm, const char *name);

/** manager_start_new() - power on one that is made now; @waiter of manager_ask() is its own */
void manager_start_new(struct vtpm *vtpm, struct waiter *waiter);

/** manager_create_is_refused() - can none be made as @what says? @problem says why */
bool manager_create_is_refused(struct manager *manager, const struct manager_create *what,
			       struct problem *problem);

/** manager_create_spare() - make one without a name; done when it is durable */
void manager_create_spare(struct manager *manager, manager_done done, void *context);

/** manager_view_of() - see manager_view() */
void manager_view_of(const struct vtpm *vtpm, struct vtpm_view *ret);

/** manager_end() - let everything end in order, then the loop */
void manager_end(struct manager *manager);

/** manager_ended() - spawn or keyd is gone: go on with the end */
void manager_ended(struct manager *manager);

/* power.c: the way to a running engine, and back */

/** power_step() - go on towards the goal, as far as can be gone now */
void power_step(struct vtpm *vtpm);

/** power_failure() - a start that cannot be: settle, and be off */
void power_failure(struct vtpm *vtpm, const struct problem *problem);

/** power_step_all() - the same for all: keyd or spawn have changed */
void power_step_all(struct manager *manager);

/** power_set_phase() - go to a phase; those who wait for a place among the starting ones are told
 */
void power_set_phase(struct vtpm *vtpm, enum vtpm_phase phase);

/** power_kill_in() - kill its engine in so many seconds, or, with 0, not any more */
void power_kill_in(struct vtpm *vtpm, unsigned int seconds);

/** power_adopt() - spawn keeps something of it: a running engine, or what a dead one left
 *
 * @channel and @life are owned by the callee.
 */
void power_adopt(struct vtpm *vtpm, pid_t pid, uint32_t status, uint64_t instance, int channel,
		 struct life life);

/** power_ready() - its engine says it serves */
void power_ready(struct vtpm *vtpm);

/** power_exited() - its engine has ended, with this wait status */
void power_exited(struct vtpm *vtpm, uint32_t status);

/** power_outdate() - its state is another one now: its engine, if it has one, goes at once */
void power_outdate(struct vtpm *vtpm);

/** power_down() - its device or socket goes, and what spawn keeps of its life */
void power_down(struct vtpm *vtpm);

/** power_quarantine() - its state cannot be right: never again start it */
void power_quarantine(struct vtpm *vtpm, const char *reason);

/**
 * power_quarantine_running() - the same for one that may run: it is powered off without a last
 * word, which would be written over what was found
 */
void power_quarantine_running(struct vtpm *vtpm, const char *reason);

/** power_drop() - it goes for good, in whatever phase it is */
void power_drop(struct vtpm *vtpm);

/** power_lost() - spawn is gone, and all engines with it */
void power_lost(struct manager *manager);

/** power_former_is_gone() - wait no longer for an engine of the spawn before */
void power_former_is_gone(struct vtpm *vtpm);

/* channel.c: the channel to one engine */

/** manager_channel_open() - listen to it; the vTPM owns @fd from now on, whatever is returned */
int manager_channel_open(struct vtpm *vtpm, int fd);

/** manager_channel_close() - stop that; a closed one is fine */
void manager_channel_close(struct vtpm *vtpm);

/** manager_channel_drain() - take what a dead engine said last */
void manager_channel_drain(struct vtpm *vtpm);

/* certify.c */

/** certify_kinds() - keys that the next engine shall see to, bit n: &enum keyd_cert_kind */
uint32_t certify_kinds(const struct vtpm *vtpm);

/** certify_learn() - take ENGINE_CERTIFIED. Return: 0 or -EPROTO */
int certify_learn(struct vtpm *vtpm, struct ipc_in *in);

/** certify_add_stored() - a record of the archive; @context is the manager */
void certify_add_stored(void *context, const uint8_t uuid[16], const uint8_t *bytes, size_t length);

/* launch.c */

/** launch_path() - where the log is */
void launch_path(const struct vtpm *vtpm, char *ret, size_t room);

/** launch_set() - make its events those of a launch */
void launch_set(struct vtpm *vtpm, const struct manager_launch *what);

/** launch_is() - is this launch the one in the log? */
bool launch_is(const struct vtpm *vtpm, const struct manager_launch *what);

/** launch_write() - a life has begun: write the log of its launch, if there was one */
void launch_write(const struct vtpm *vtpm);

/** launch_unwrite() - a life has ended: remove the log */
void launch_unwrite(const struct vtpm *vtpm);

/** manager_channel_configure() - send ENGINE_CONFIG. Return: 0 or -errno */
int manager_channel_configure(struct vtpm *vtpm, bool manufacture);

/** manager_channel_again() - tell the engine that a new manager is here */
void manager_channel_again(struct vtpm *vtpm);

/* driver.c: the kernel's side of devices and chips */

/** driver_open() - open the control node; driver_here is set. Return: 0 or -errno */
int driver_open(struct manager *manager);

/** driver_attach() - be the server of its device, which is made where it is missing
 *
 * Sets vtpm->instance, ->index and ->chip.
 *
 * Return: the server's file, owned by the caller, or -errno; -ESTALE: this life
 * cannot be resumed.
 */
int driver_attach(struct vtpm *vtpm, bool resume, struct problem *problem);

/** driver_detach() - its engine is dead */
void driver_detach(struct vtpm *vtpm);

/** driver_look() - find out its numbers */
void driver_look(struct vtpm *vtpm);

/** driver_tell() - answer its client's question, or (id 0) end all of them; with @error or proof */
void driver_tell(const struct vtpm *vtpm, uint64_t id, uint32_t error, const void *proof,
		 size_t length);

/** driver_destroy() - its device goes */
void driver_destroy(struct vtpm *vtpm);

/* socket.c: the socket front end */

/** socket_open() - listen, where it does not yet. Return: 0 or -errno */
int socket_open(struct vtpm *vtpm, struct problem *problem);

/** socket_close() - stop listening, remove the paths */
void socket_close(struct vtpm *vtpm);

/** socket_path() - path of its socket */
void socket_path(const struct vtpm *vtpm, char *to, size_t room);

/** socket_control_path() - path of its control socket */
void socket_control_path(const struct vtpm *vtpm, char *to, size_t room);

/* keyd.c: keyd */

/** manager_keyd_init() - look for keyd. Return: 0 or -errno */
int manager_keyd_init(struct manager *manager);

/** manager_keyd_look() - ask keyd how it is */
void manager_keyd_look(struct manager *manager);

/** manager_keyd_end() - let keyd end */
void manager_keyd_end(struct manager *manager);

/** manager_keyd_take_status() - read the body of a KEYD_STATUS_IS. Return: 0 or -EPROTO */
int manager_keyd_take_status(struct manager_host *host, struct ipc_in *in);

/** manager_keyd_answer() - tell @waiter of success, once the host was looked at and judged */
void manager_keyd_answer(struct manager *manager, struct waiter *waiter);

/** manager_keyd_judged() - there is a verdict about the store, or none can be had now */
void manager_keyd_judged(struct manager *manager);

/** manager_keyd_problem() - what the errno and the sentence of a keyd answer mean */
void manager_keyd_problem(struct problem *problem, uint32_t error, const char *text);

/** manager_is_locked() - the problem of a host whose root key is not open. Return: it is locked */
bool manager_is_locked(struct manager *manager, struct problem *problem);

/* evidence.c */

/** manager_evidence_is_good() - is there anything in keyd's answer? Else what is to be said */
bool manager_evidence_is_good(const struct peer_answer *answer, bool ended,
			      struct problem *problem);

/** manager_quote_take() - read a quote of the host, as KEYD_HOST_QUOTE_IS has it */
void manager_quote_take(struct ipc_in *in, struct manager_quote *ret);

/** manager_quote_values() - read PCRs and their values; others than there are make @in bad */
void manager_quote_values(struct ipc_in *in, uint32_t *ret_pcrs, uint8_t ret[MANAGER_PCRS][32]);

/* attest.c */

/** define ATTESTS_MAX - requests to vouch for one vTPM that wait */
#define ATTESTS_MAX 64

/** attest_take() - ENGINE_ATTESTED came. Return: 0 or -EPROTO */
int attest_take(struct vtpm *vtpm, struct ipc_in *in);

/** attest_lost() - its engine cannot answer any more */
void attest_lost(struct vtpm *vtpm);

/* ask.c */

/** define ASKS_MAX - questions of one vTPM's clients that wait; the driver lets pass no more */
#define ASKS_MAX 8

/** ask_take() - ENGINE_ASKED came. Return: 0 or -EPROTO */
int ask_take(struct vtpm *vtpm, struct ipc_in *in);

/** asks_lost() - what the engine heard and did not pass on is lost: whoever waits asks again */
void asks_lost(struct vtpm *vtpm);

/* rollback.c */

/** rollback_ask() - keyd is unlocked: ask it about the store */
void rollback_ask(struct manager *manager);

/** rollback_forget() - keyd is another one: what was said about the store does not count */
void rollback_forget(struct manager *manager);

/** rollback_is_pending() - the host is unlocked, but there is no verdict yet */
bool rollback_is_pending(const struct manager *manager);

/** rollback_locks() - why nothing may start from this store. Return: false: it may */
bool rollback_locks(const struct manager *manager, const char **ret_reason, const char **ret_next);

/** rollback_look() - jobs of the archive are done: is there something to anchor? */
void rollback_look(struct manager *manager);

/** rollback_soon() - a vTPM came or went: do not wait for the window to end */
void rollback_soon(struct manager *manager);

/** rollback_end() - anchor for the last time */
void rollback_end(struct manager *manager);

/* spawn.c */

/** manager_spawn_init() - look for spawn. Return: 0 or -errno */
int manager_spawn_init(struct manager *manager);

/** manager_spawn_start() - an engine, serving @fds; power_started() hears how it went */
void manager_spawn_start(struct vtpm *vtpm, bool idle, const int *fds, unsigned int count);

/** power_started() - manager_spawn_start() has ended: @channel is owned by the callee, or -1 */
void power_started(struct vtpm *vtpm, uint32_t error, pid_t pid, int channel);

/** manager_spawn_kill_unknown() - an engine of a vTPM that does not exist, or no longer */
void manager_spawn_kill_unknown(struct manager *manager, const uint8_t *uuid);

/** manager_spawn_signal() - SIGTERM or SIGKILL to its engine */
void manager_spawn_signal(struct vtpm *vtpm, int number);

/** manager_spawn_forget() - give up what spawn keeps of a UUID */
void manager_spawn_forget(struct manager *manager, const uint8_t *uuid);

/** manager_spawn_leave() - let spawn make place for the next one */
void manager_spawn_leave(struct manager *manager, peer_done done, void *context);

/** manager_spawn_end() - let spawn end all engines, and itself */
void manager_spawn_end(struct manager *manager);

/* upgrade.c */

/** upgrade_go_on() - another spawn is here: all vTPMs that were left to it are waited for */
void upgrade_go_on(struct manager *manager);

/* pool.c: spares */

/** pool_look() - begin another spare if there is reason to */
void pool_look(struct manager *manager);

/** pool_spare() - a spare fit for @banks, no longer one; NULL: there is none */
struct vtpm *pool_spare(struct manager *manager, uint32_t banks);

/* options.c */

/** manager_options_parse() - the command line and the file it names. Return: 0 or -EINVAL */
int manager_options_parse(struct manager_options *options, int argc, char **argv);

/** manager_options_help() - print the help */
void manager_options_help(void);

/* children.c: keyd and spawn, where nobody else starts them */

/** children_start() - nobody listens at @program's socket: start it, if that is ours to do */
void children_start(struct manager *manager, const char *program);

/** children_path() - of @program, which is where our own is. Return: 0 or -errno */
int children_path(const char *program, char *to, size_t room);

/** children_init() - reap them. Return: 0 or -errno */
int children_init(struct manager *manager);

/** children_end() - wait until all are gone */
void children_end(struct manager *manager);

#endif /* MANAGER_STATE_H */
