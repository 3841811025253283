// SPDX-License-Identifier: BSD-3-Clause
/*
 * What the gate does to vTPMs, each time that anything of it changes:
 *
 *	held	begin() in power.c asks before it powers on; a life that is resumed goes on
 *	frozen	its engine is told, and the next one by its configuration
 *	stopped	it is powered off in order, and then held: it still shall run
 *
 * An open gate undoes all three. One timer goes off when the next span ends. An engine that
 * begins while that happens may not hear the signal yet, so it is told once more when it is
 * ready. So is one that was found running: another vtpmd told it last, under rules of then.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/x509.h>

#include "base/log.h"
#include "base/text.h"
#include "manager/state.h"
#include "wire/ipc_engine.h"

/* Somebody waits; see manager_gate_wait(). */
struct gate_wait {
	struct gate_wait *next;
	struct waiter *waiter;
};

void gate_now(struct gate_now *ret)
{
	static char boot[GATE_BOOT_SIZE];
	struct timespec now;
	FILE *file;

	if (!boot[0]) {
		file = fopen("/proc/sys/kernel/random/boot_id", "re");
		if (!file || !fgets(boot, sizeof(boot), file))
			boot[0] = 0;
		if (file)
			fclose(file);
	}
	clock_gettime(CLOCK_BOOTTIME, &now);
	*ret = (struct gate_now){ .seconds = now.tv_sec };
	text_cut(ret->boot, sizeof(ret->boot), boot);
}

static enum gate_state look(const struct manager *manager, const struct gate_rule *rule,
			    const struct gate_now *now, int64_t *ret_until)
{
	const struct gate *gate = &manager->gate;

	return gate_look(&gate->trust, &gate->glass, rule->grace, now, ret_until);
}

const struct gate_rule *gate_rule_of(const struct vtpm *vtpm)
{
	static const struct gate_rule none = { GATE_LOG, 0 };

	/* A spare is nobody's yet. */
	if (!vtpm->define.name[0])
		return &none;
	return vtpm->ruled ? &vtpm->rule : &vtpm->manager->gate.rule;
}

static bool does(const struct vtpm *vtpm, enum gate_policy least)
{
	const struct gate_rule *rule = gate_rule_of(vtpm);
	struct gate_now now;
	int64_t until;

	if (rule->policy < least)
		return false;
	gate_now(&now);
	return gate_does(rule->policy, least, look(vtpm->manager, rule, &now, &until));
}

static const char *date(int64_t seconds, char ret[32])
{
	time_t when = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&when, &tm) || !strftime(ret, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
		text_cut(ret, 32, "?");
	return ret;
}

void gate_reason(struct manager *manager, char *ret, size_t room)
{
	const struct gate *gate = &manager->gate;
	const struct ruling *ruling = &gate->ruling;
	struct gate_now now;
	char when[32];

	gate_now(&now);
	if (gate->ruled && ruling->status != ATTEST_PASSED)
		snprintf(ret, room, "verifier '%s' says of this host since %s: %s",
			 ruling->verified_by, date(ruling->verified_at, when),
			 attest_status_name(ruling->status));
	else if (!gate->ruled || strcmp(gate->trust.boot, now.boot))
		snprintf(ret, room, "there is no verdict about this boot of the host");
	else
		snprintf(ret, room, "the verdict of '%s' ended at %s", ruling->verified_by,
			 date(ruling->valid_until, when));
}

static void closed(struct manager *manager, const char *what, struct problem *problem)
{
	char reason[VTPM_REASON_SIZE];

	gate_reason(manager, reason, sizeof(reason));
	problem_set(problem, PROBLEM_LOCKED,
		    "`vtpmctl host attest --to URL` asks for another verdict; `vtpmctl gate "
		    "break-glass` opens it for some time",
		    "%s may not be powered on, the gate is closed: %s", what, reason);
}

bool gate_refuses(const struct vtpm *vtpm, struct problem *problem)
{
	char what[VTPM_NAME_SIZE + 2];

	if (!does(vtpm, GATE_NO_NEW_START))
		return false;
	snprintf(what, sizeof(what), "'%s'", vtpm->define.name);
	closed(vtpm->manager, what, problem);
	return true;
}

bool gate_holds(const struct vtpm *vtpm, struct problem *problem)
{
	return !vtpm->resume && !vtpm->preparing && gate_refuses(vtpm, problem);
}

bool gate_holds_new(struct manager *manager, struct problem *problem)
{
	const struct gate_rule *rule = &manager->gate.rule;
	struct gate_now now;
	int64_t until;

	gate_now(&now);
	if (!gate_does(rule->policy, GATE_NO_NEW_START, look(manager, rule, &now, &until)))
		return false;
	closed(manager, "a new vTPM", problem);
	return true;
}

bool gate_freezes(struct vtpm *vtpm)
{
	vtpm->frozen = does(vtpm, GATE_FREEZE_KEYS);
	return vtpm->frozen;
}

static void tell(struct vtpm *vtpm)
{
	uint8_t buffer[16];
	struct ipc_out out = ipc_out(ENGINE_FREEZE, buffer, sizeof(buffer));

	cursor_put_u8(&out.body, vtpm->frozen);
	/* An engine that is gone, or does not listen, is followed by one that is configured so. */
	if (vtpm->channel >= 0)
		manager_spawn_signal(vtpm, ipc_send(vtpm->channel, &out) ? SIGKILL : SIGURG);
}

static void apply_freeze(struct vtpm *vtpm)
{
	bool before = vtpm->frozen;

	if (gate_freezes(vtpm) == before)
		return;
	vtpm->unheard = vtpm->phase != VTPM_SERVING;
	if (!vtpm->pid)
		return;
	log_line("security: %s: its keys %s", vtpm->define.name,
		 vtpm->frozen ? "rest until the gate is open" : "are at work again");
	tell(vtpm);
}

/* Off and on again: on the way up it is held. */
static void apply_stop(struct vtpm *vtpm)
{
	if (vtpm->goal != VTPM_GOAL_ON || !vtpm->pid || vtpm->preparing || !does(vtpm, GATE_STOP))
		return;
	log_line("security: %s is powered off: the gate is closed", vtpm->define.name);
	vtpm->launch = (struct launch){ 0 };
	vtpm->goal = VTPM_GOAL_CYCLE;
	power_step(vtpm);
}

void gate_ready(struct vtpm *vtpm)
{
	bool before = vtpm->frozen;

	if (gate_freezes(vtpm) != before || vtpm->unheard)
		tell(vtpm);
	vtpm->unheard = false;
	apply_stop(vtpm);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *context)
{
	struct manager *manager = context;

	(void)source;
	(void)usec;
	gate_apply(manager);
	return 0;
}

static int64_t sooner(const struct manager *manager, const struct gate_rule *rule,
		      const struct gate_now *now, int64_t than)
{
	int64_t until;

	look(manager, rule, now, &until);
	return until < than ? until : than;
}

static void arm(struct manager *manager)
{
	struct gate *gate = &manager->gate;
	int64_t next = GATE_NEVER;
	struct gate_now now;

	gate_now(&now);
	next = sooner(manager, &gate->rule, &now, next);
	for (struct vtpm *vtpm = manager->vtpms; vtpm; vtpm = vtpm->next) {
		if (vtpm->ruled)
			next = sooner(manager, &vtpm->rule, &now, next);
	}
	gate->timer = sd_event_source_disable_unref(gate->timer);
	if (next != GATE_NEVER &&
	    sd_event_add_time(manager->event, &gate->timer, CLOCK_BOOTTIME,
			      (uint64_t)next * 1000000, 1000, on_timer, manager) < 0)
		manager_out_of_memory();
}

static void tell_waiters(struct manager *manager)
{
	struct gate_wait *wait;

	while ((wait = manager->gate.waits)) {
		manager->gate.waits = wait->next;
		manager_answer(manager, wait->waiter, NULL);
		free(wait);
	}
}

static void note(struct manager *manager)
{
	struct gate *gate = &manager->gate;
	char reason[VTPM_REASON_SIZE];
	enum gate_state before = gate->state;
	struct gate_now now;
	int64_t until;

	gate_now(&now);
	gate->state = look(manager, &gate->rule, &now, &until);
	if (gate->state != GATE_CLOSED)
		tell_waiters(manager);
	if (gate->state == before || !gate->ruled)
		return;
	gate_reason(manager, reason, sizeof(reason));
	log_line("security: the gate was %s and is %s%s%s", gate_state_name(before),
		 gate_state_name(gate->state), gate->state == GATE_OPEN ? "" : ": ",
		 gate->state == GATE_OPEN ? "" : reason);
}

void gate_apply(struct manager *manager)
{
	struct vtpm *next;

	note(manager);
	for (struct vtpm *vtpm = manager->vtpms; vtpm; vtpm = next) {
		next = vtpm->next;
		apply_freeze(vtpm);
		apply_stop(vtpm);
	}
	arm(manager);
	/* Who was held, and is not any more. Before spawn has told what runs, all are. */
	if (manager->listed)
		power_step_all(manager);
}

/* Looking */

static int64_t left(int64_t until, const struct gate_now *now)
{
	return until == GATE_NEVER ? -1 : until - now->seconds;
}

void manager_gate(struct manager *manager, struct manager_gate *ret)
{
	struct gate *gate = &manager->gate;
	struct problem problem;
	struct gate_now now;
	uint8_t by[32];
	int64_t until;
	X509 *pinned;

	gate_now(&now);
	*ret = (struct manager_gate){ .gate = gate, .trust = -1 };
	ret->state = look(manager, &gate->rule, &now, &until);
	ret->until = left(until, &now);
	if (!strcmp(gate->trust.boot, now.boot) && gate->trust.until > now.seconds)
		ret->trust = gate->trust.until - now.seconds;
	pinned = gate_verifier(manager, by, &problem);
	ret->pinned = pinned;
	X509_free(pinned);
	ret->whole = gate_log_is_whole(manager);
	if (ret->state != GATE_OPEN)
		gate_reason(manager, ret->reason, sizeof(ret->reason));
}

void manager_gate_each(struct manager *manager,
		       void (*see)(void *context, const struct manager_gated *gated), void *context)
{
	struct manager_gated gated;
	struct problem problem;
	struct gate_now now;
	int64_t until;

	gate_now(&now);
	for (struct vtpm *vtpm = manager->vtpms; vtpm; vtpm = vtpm->next) {
		if (!vtpm->define.name[0])
			continue;
		gated = (struct manager_gated){ .name = vtpm->define.name,
						.rule = *gate_rule_of(vtpm),
						.own = vtpm->ruled };
		gated.state = look(manager, &gated.rule, &now, &until);
		gated.until = left(until, &now);
		gated.frozen = vtpm->frozen && vtpm->pid;
		gated.held = vtpm->phase == VTPM_WAITING && gate_holds(vtpm, &problem);
		see(context, &gated);
	}
}

/* Changing */

static bool is_pinned(struct manager *manager, struct problem *problem)
{
	uint8_t by[32];
	X509 *pinned = gate_verifier(manager, by, problem);

	X509_free(pinned);
	return pinned;
}

static int set_rule(struct manager *manager, struct vtpm *vtpm, const struct gate_rule *rule,
		    struct problem *problem)
{
	struct gate_rule *at = vtpm ? &vtpm->rule : &manager->gate.rule;
	struct gate_rule before = *at;
	bool ruled = vtpm && vtpm->ruled;
	int r;

	*at = *rule;
	if (vtpm)
		vtpm->ruled = true;
	r = gate_save(manager, problem);
	if (r) {
		*at = before;
		if (vtpm)
			vtpm->ruled = ruled;
	}
	return r;
}

void manager_gate_set(struct manager *manager, const char *name, const struct gate_rule *rule,
		      manager_done done, void *context)
{
	struct vtpm *vtpm = name ? manager_find(manager, name) : NULL;
	struct problem problem = { 0 };

	if (name && !vtpm)
		problem_set(&problem, PROBLEM_NOT_FOUND, "`vtpmctl list` shows those there are",
			    "there is no vTPM '%s'", name);
	else if ((rule->policy == GATE_LOG || is_pinned(manager, &problem)) &&
		 !set_rule(manager, vtpm, rule, &problem))
		log_line("security: the gate's rule of %s is %s, grace %u s",
			 vtpm ? vtpm->define.name : "all that have none of their own",
			 gate_policy_name(rule->policy), rule->grace);
	if (!problem.code)
		gate_apply(manager);
	manager_tell(manager, done, context, problem.code ? &problem : NULL);
}

void manager_gate_break(struct manager *manager, uid_t uid, const char *reason, uint32_t seconds,
			manager_done done, void *context)
{
	struct gate *gate = &manager->gate;
	int64_t wall = (int64_t)time(NULL);
	struct gate_record record = { .at = wall, .until = wall + seconds, .uid = uid };
	struct gate_span before = gate->glass;
	struct problem problem = { 0 };
	struct gate_now now;
	int r;

	gate_now(&now);
	text_cut(record.reason, sizeof(record.reason), reason);
	r = gate_record(manager, &record, &problem);
	if (!r) {
		gate->record = record;
		text_cut(gate->glass.boot, sizeof(gate->glass.boot), now.boot);
		gate->glass.until = now.seconds + seconds;
		r = gate_save(manager, &problem);
	}
	if (r) {
		gate->glass = before;
	} else {
		log_line("security: user %u %s (gate.log, line %llu)", uid,
			 seconds ? "breaks the glass: the gate is open for some time"
				 : "ends the time of broken glass",
			 (unsigned long long)gate->log.count);
		gate_apply(manager);
	}
	manager_tell(manager, done, context, r ? &problem : NULL);
}

void manager_gate_wait(struct manager *manager, manager_done done, void *context)
{
	struct gate_wait **at = &manager->gate.waits, *wait;

	/* Who went away is not remembered for ever. */
	while ((wait = *at)) {
		if (!wait->waiter->forgotten) {
			at = &wait->next;
			continue;
		}
		*at = wait->next;
		manager_answer(manager, wait->waiter, NULL);
		free(wait);
	}
	wait = calloc(1, sizeof(*wait));
	if (!wait)
		manager_out_of_memory();
	wait->waiter = manager_ask(manager, done, context);
	wait->next = manager->gate.waits;
	manager->gate.waits = wait;
	note(manager);
}
