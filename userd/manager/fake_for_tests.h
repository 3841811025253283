/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For tests of the API and of vtpmctl: a manager that only pretends.
 *
 * It keeps vTPMs in memory, and does what a name says: operations on "problem-X"
 * fail with problem X, those on "slow..." take FAKE_SLOW_MS, those on "never..." do not
 * end. The rest end at the next turn of the loop.
 */
#ifndef MANAGER_FAKE_FOR_TESTS_H
#define MANAGER_FAKE_FOR_TESTS_H

#include <sys/queue.h>

#include <systemd/sd-event.h>

#include "manager/gate.h"
#include "manager/manager.h"
#include "manager/move.h"
#include "manager/plan.h"
#include "manager/share.h"

#define FAKE_VTPMS   32
#define FAKE_SLOW_MS 200

/**
 * struct fake_job - an operation
 * @fake: manager
 * @run: carry it out; false: not yet, try again
 * @name: of the vTPM
 * @what: of a create
 * @problem: how it ends
 * @done: whom to tell
 * @recovery: whom to tell, of manager_recovery()
 * @identity: the same, of manager_identity()
 * @quote: the same, of manager_quote()
 * @wish: what that was told
 * @attest: the same, of manager_attest()
 * @attested: what that was told
 * @credential: the same as @done, of manager_activate()
 * @plans: the same, of manager_plans() and its like
 * @ca: the same, of manager_ca_show() and others
 * @revoked: the same, of manager_ca_revoked()
 * @context: NULL: nobody any more
 * @timer: when
 * @entry: in fake->jobs
 */
struct fake_job {
	struct manager *fake;
	bool (*run)(struct fake_job *job);
	char name[VTPM_NAME_SIZE];
	struct manager_create what;
	struct problem problem;
	manager_done done;
	manager_recovery_done recovery;
	manager_identity_done identity;
	manager_quote_done quote;
	struct manager_quote_wish wish;
	manager_attest_done attest;
	struct manager_attest_wish attested;
	manager_credential_done credential;
	manager_plans_done plans;
	manager_ca_done ca;
	manager_revoked_done revoked;
	void *context;
	sd_event_source *timer;
	LIST_ENTRY(fake_job) entry;
};

/**
 * struct fake_vtpm - a vTPM
 * @define: its name is empty where there is none
 * @running: is powered on
 */
struct fake_vtpm {
	struct vtpm_definition define;
	bool running;
};

/**
 * struct manager - the fake
 * @event: loop
 * @vtpms: what there is
 * @host: what manager_host() says
 * @jobs: operations that have not ended
 * @ended: operations that ended
 * @forgotten: those of them, and of the others, that nobody waited for any more
 * @point: session public key; zeros until the test sets it
 * @record: recovery record
 * @record_length: bytes of it
 * @launch: of the last manager_launch()
 * @log_path: of all logs; NULL: there is none
 * @owner_box: does this box hold the owner password? NULL: none is wanted
 * @root_box: does this box hold the root key?
 * @migration_box: does this box hold a migration key?
 * @init: what manager_host_init() was told last
 * @unlock: what manager_host_unlock() was told
 * @accept: what manager_host_accept() was told last
 * @share: what manager_share() was told last
 * @bind: what manager_bind() was told last
 * @quoted: what manager_quote() was told last
 * @plans: what manager_plans() says
 * @plan: what manager_plan_add() was told last
 * @plan_length: bytes of it
 * @gate: rule and record are the last ones that it was told
 * @gate_view: what manager_gate() says
 * @gate_verdict: what manager_gate_verdict() was told last
 * @exported: what manager_export() was told last; of its bytes the lengths are good
 * @imported: the same, of manager_import()
 * @papers: of all vTPMs
 * @renewed: what manager_certify_renew() was told last
 * @replaced: what manager_certify_replace() was told last
 * @upgrades: how often manager_host_upgrade() was called
 */
struct manager {
	sd_event *event;
	struct fake_vtpm vtpms[FAKE_VTPMS];
	struct manager_host host;
	LIST_HEAD(, fake_job) jobs;
	unsigned int ended;
	unsigned int forgotten;
	uint8_t point[KEYD_POINT_SIZE];
	uint8_t record[KEYD_BOX_MAX];
	size_t record_length;
	struct manager_launch launch;
	const char *log_path;
	bool (*owner_box)(const uint8_t *box, size_t length);
	bool (*root_box)(const uint8_t *box, size_t length);
	bool (*migration_box)(const uint8_t *box, size_t length);
	struct manager_host_init init;
	struct manager_host_unlock unlock;
	struct manager_host_accept accept;
	struct manager_share share;
	struct manager_bind bind;
	struct manager_quote_wish quoted;
	struct papers papers;
	uint32_t renewed;
	struct manager_certificate replaced;
	unsigned int upgrades;
	struct manager_plans plans;
	uint8_t plan[KEYD_PLAN_MAX];
	size_t plan_length;
	struct gate gate;
	struct manager_gate gate_view;
	struct manager_gate_verdict gate_verdict;
	struct manager_export exported;
	struct manager_import imported;
};

/** fake_init() - an initialised, unlocked host without a vTPM */
void fake_init(struct manager *fake, sd_event *event);

/** fake_done() - drop what has not ended */
void fake_done(struct manager *fake);

/** fake_later() - an operation ends as @name says */
void fake_later(struct manager *fake, const char *name, manager_done done, void *context);

/** fake_jobs() - what has not ended, and is waited for or not */
size_t fake_jobs(const struct manager *fake);

/** fake_go_on() - let what does not end by itself end now */
void fake_go_on(struct manager *fake);

/** fake_find() - the vTPM of that name, NULL for none */
struct fake_vtpm *fake_find(struct manager *fake, const char *name);

#endif /* MANAGER_FAKE_FOR_TESTS_H */
