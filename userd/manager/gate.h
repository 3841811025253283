/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The gate: what vTPMs may do while this host's verifier does not trust it.
 *
 *	gate.c		open or closed: a machine without clock, file or loop
 *	gate_file.c	what of it is durable: STATE_DIR/gate.json, and the record gate.log
 *	gate_verdict.c	verdicts, checked before they change anything
 *	gate_apply.c	what it does to vTPMs
 *	api_gate.c	/v1/gate
 *
 * A verdict that passed opens it until the verdict ends, in the boot that the verdict is about.
 * From then on it is in grace, as long as the rule of each vTPM says, and closed after that.
 * Breaking the glass opens it for some time of this boot, whatever the verdict; that leaves a
 * record first.
 */
#ifndef MANAGER_GATE_H
#define MANAGER_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "attest/ruling.h"
#include "manager/manager.h"

struct vtpm;

/** define GATE_BOOT_SIZE - boot_id of the kernel, and its NUL */
#define GATE_BOOT_SIZE 37

/** define GATE_GRACE_MAX - seconds of grace at most */
#define GATE_GRACE_MAX 2592000

/** define GATE_GLASS_MAX - seconds for which the glass can be broken at a time */
#define GATE_GLASS_MAX 604800

/** define GATE_REASON_SIZE - longest reason to break the glass, and its NUL */
#define GATE_REASON_SIZE 201

/**
 * enum gate_policy - what a closed gate does to a vTPM; each one does what those before it do
 * @GATE_LOG: nothing but a line in the log
 * @GATE_NO_NEW_START: it is not powered on; one that runs goes on
 * @GATE_FREEZE_KEYS: its keys rest, and it goes on being measured (engine/freeze.h)
 * @GATE_STOP: it is powered off
 */
enum gate_policy {
	GATE_LOG,
	GATE_NO_NEW_START,
	GATE_FREEZE_KEYS,
	GATE_STOP,
	_GATE_POLICY_MAX,
};

/**
 * struct gate_rule - of a vTPM, or of those that have none of their own
 * @policy: what a closed gate does
 * @grace: seconds between the end of trust and that
 */
struct gate_rule {
	enum gate_policy policy;
	uint32_t grace;
};

/**
 * enum gate_state - of the gate, under one rule
 * @GATE_OPEN: the verdict passed, and holds
 * @GATE_GRACE: it did
 * @GATE_CLOSED: it does not, or there is none of this boot
 * @GATE_BROKEN_GLASS: the same, and somebody opened it all the same
 */
enum gate_state {
	GATE_OPEN,
	GATE_GRACE,
	GATE_CLOSED,
	GATE_BROKEN_GLASS,
	_GATE_STATE_MAX,
};

/**
 * struct gate_now - a moment, by clocks that nobody sets back
 * @boot: of the kernel
 * @seconds: CLOCK_BOOTTIME
 */
struct gate_now {
	char boot[GATE_BOOT_SIZE];
	int64_t seconds;
};

/**
 * struct gate_span - until when something holds
 * @boot: in this boot; empty: it never did
 * @until: CLOCK_BOOTTIME of it
 */
struct gate_span {
	char boot[GATE_BOOT_SIZE];
	int64_t until;
};

/** define GATE_NEVER - a moment that does not come */
#define GATE_NEVER INT64_MAX

/* gate.c */

/**
 * gate_look() - how is it?
 * @trust: by verdicts
 * @glass: broken
 * @grace: seconds
 * @now: when
 * @ret_until: when it changes by itself, in this boot; GATE_NEVER
 */
enum gate_state gate_look(const struct gate_span *trust, const struct gate_span *glass,
			  uint32_t grace, const struct gate_now *now, int64_t *ret_until);

/**
 * gate_trust() - take a verdict that was checked
 * @trust: changes
 * @status: passed is trust, anything else ends it now
 * @left: seconds that the verdict still holds
 * @now: when
 */
void gate_trust(struct gate_span *trust, enum attest_status status, int64_t left,
		const struct gate_now *now);

/** gate_does() - does a closed gate of this policy do what @least does? In @state */
bool gate_does(enum gate_policy policy, enum gate_policy least, enum gate_state state);

/** gate_policy_name() - "no-new-start" */
const char *gate_policy_name(enum gate_policy policy);

/** gate_policy_find() - the policy of that name. Return: false: there is none */
bool gate_policy_find(const char *name, enum gate_policy *ret);

/** gate_state_name() - "open" */
const char *gate_state_name(enum gate_state state);

/**
 * struct gate_record - why the glass was broken
 * @at: seconds since 1970
 * @until: the same: when that ends
 * @uid: who
 * @reason: as they said
 */
struct gate_record {
	int64_t at;
	int64_t until;
	uid_t uid;
	char reason[GATE_REASON_SIZE];
};

/**
 * struct gate_log - what is known of gate.log from outside of it
 * @count: of lines
 * @head: SHA-256 of the last one
 */
struct gate_log {
	uint64_t count;
	uint8_t head[32];
};

/**
 * struct gate - of the host
 * @rule: of vTPMs that have none of their own
 * @trust: by verdicts
 * @glass: broken
 * @record: of the last time
 * @log: of all times
 * @ruled: there was a verdict
 * @ruling: the newest one
 * @by: SHA-256 of the certificate by whose key it was checked
 * @state: as the log last said
 * @timer: when something changes by itself
 * @waits: who waits until it is open
 */
struct gate {
	struct gate_rule rule;
	struct gate_span trust;
	struct gate_span glass;
	struct gate_record record;
	struct gate_log log;
	bool ruled;
	struct ruling ruling;
	uint8_t by[32];
	enum gate_state state;
	struct sd_event_source *timer;
	struct gate_wait *waits;
};

/* gate_file.c */

/**
 * gate_open() - read what is durable, and let it count
 *
 * Return: 0; -errno, after a line to the log.
 */
int gate_open(struct manager *manager);

/** gate_save() - make it durable. Return: 0; -errno, with the problem */
int gate_save(struct manager *manager, struct problem *problem);

/** gate_record() - write a line to gate.log, durable. Return: 0; -errno, with the problem */
int gate_record(struct manager *manager, const struct gate_record *record,
		struct problem *problem);

/** gate_log_is_whole() - is every line there that was ever written? */
bool gate_log_is_whole(struct manager *manager);

/**
 * gate_verifier() - the certificate by whose key verdicts are known: STATE_DIR/verifier.pem
 * @ret: SHA-256 of it
 *
 * Return: the caller's; NULL, with the problem.
 */
X509 *gate_verifier(struct manager *manager, uint8_t ret[32], struct problem *problem);

/* gate_apply.c */

/** gate_now() - this moment */
void gate_now(struct gate_now *ret);

/** gate_apply() - something changed: do what follows */
void gate_apply(struct manager *manager);

/** gate_rule_of() - the rule that a vTPM is under */
const struct gate_rule *gate_rule_of(const struct vtpm *vtpm);

/** gate_refuses() - may it not be powered on anew? @problem says why */
bool gate_refuses(const struct vtpm *vtpm, struct problem *problem);

/** gate_holds() - does it have to wait? A life that is resumed does not */
bool gate_holds(const struct vtpm *vtpm, struct problem *problem);

/** gate_holds_new() - the same of one that is to be made */
bool gate_holds_new(struct manager *manager, struct problem *problem);

/** gate_freezes() - do its keys rest? The next engine is told by its configuration */
bool gate_freezes(struct vtpm *vtpm);

/** gate_ready() - an engine serves that may not have heard of the gate */
void gate_ready(struct vtpm *vtpm);

/** gate_reason() - why it is not open, a sentence without its stop */
void gate_reason(struct manager *manager, char *ret, size_t room);

/* What can be asked; done functions as in manager.h */

/**
 * struct manager_gate - the gate, for those who look
 * @gate: it
 * @state: under the rule of those that have none
 * @until: seconds until that changes by itself; -1: never
 * @trust: seconds until trust ends; -1: there is none
 * @pinned: this host knows its verifier
 * @whole: nobody touched gate.log
 * @reason: why it is not open; empty otherwise
 */
struct manager_gate {
	const struct gate *gate;
	enum gate_state state;
	int64_t until;
	int64_t trust;
	bool pinned;
	bool whole;
	char reason[VTPM_REASON_SIZE];
};

/** manager_gate() - look at it */
void manager_gate(struct manager *manager, struct manager_gate *ret);

/**
 * struct manager_gated - a vTPM and the gate
 * @name: of it
 * @rule: that it is under
 * @own: of its own
 * @state: under that rule
 * @until: seconds until that changes by itself; -1: never
 * @frozen: its keys rest
 * @held: it waits to be powered on
 */
struct manager_gated {
	const char *name;
	struct gate_rule rule;
	bool own;
	enum gate_state state;
	int64_t until;
	bool frozen;
	bool held;
};

/** manager_gate_each() - look at all vTPMs but spares, by name */
void manager_gate_each(struct manager *manager,
		       void (*look)(void *context, const struct manager_gated *gated),
		       void *context);

/**
 * manager_gate_set() - give a rule
 * @name: to this vTPM; NULL: to all that have none of their own
 */
void manager_gate_set(struct manager *manager, const char *name, const struct gate_rule *rule,
		      manager_done done, void *context);

/**
 * struct manager_gate_verdict - a verdict as it came
 * @text: of the ruling
 * @length: bytes of it
 * @signature: of it
 * @size: bytes of it
 */
struct manager_gate_verdict {
	char text[RULING_TEXT_MAX];
	size_t length;
	uint8_t signature[RULING_SIGNATURE_MAX];
	size_t size;
};

/** manager_gate_verdict() - check a verdict, and take it */
void manager_gate_verdict(struct manager *manager, const struct manager_gate_verdict *what,
			  manager_done done, void *context);

/**
 * manager_gate_break() - break the glass
 * @uid: who
 * @reason: why, as they say
 * @seconds: for how long; 0: it is whole again
 */
void manager_gate_break(struct manager *manager, uid_t uid, const char *reason, uint32_t seconds,
			manager_done done, void *context);

/** manager_gate_wait() - done as soon as it is not closed; see manager_wait() for timeouts */
void manager_gate_wait(struct manager *manager, manager_done done, void *context);

#endif /* MANAGER_GATE_H */
