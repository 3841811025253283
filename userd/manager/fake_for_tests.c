// SPDX-License-Identifier: BSD-3-Clause
/*
 * A manager that only pretends. An operation is a job with a timer; when it fires the
 * job is carried out, whether or not somebody still waits, and the asker is told.
 */
#include "manager/fake_for_tests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/text.h"

#define POLL_MS 5

void fake_init(struct manager *fake, sd_event *event)
{
	*fake = (struct manager){
		.event = event,
		.host = {
			.keyd_here = true,
			.spawn_here = true,
			.driver_here = true,
			.separated = true,
			.state = KEYD_STATE_UNLOCKED,
			.protection = KEYD_PROTECTION_TPM,
			.tcti = "device:/dev/tpmrm0",
			.host_tpm = "FAKE 1.2",
			.policy = "sha256:7,14",
			.storage_key = { 0x00, 0x0b, 0xaa },
			.storage_key_length = 34,
			.spares = 2,
			.rollback = KEYD_ROLLBACK_LAZY,
			.verdict = KEYD_VERDICT_NEWEST,
			.counter = 9,
			.window = 600,
		},
		.record = { 1, 2, 3 },
		.record_length = 3,
	};
	LIST_INIT(&fake->jobs);
}

static void drop(struct fake_job *job)
{
	LIST_REMOVE(job, entry);
	sd_event_source_disable_unref(job->timer);
	free(job);
}

void fake_done(struct manager *fake)
{
	while (LIST_FIRST(&fake->jobs))
		drop(LIST_FIRST(&fake->jobs));
}

struct fake_vtpm *fake_find(struct manager *fake, const char *name)
{
	for (size_t i = 0; i < FAKE_VTPMS; i++)
		if (fake->vtpms[i].define.name[0] && !strcmp(fake->vtpms[i].define.name, name))
			return &fake->vtpms[i];
	return NULL;
}

static void tell_attested(struct fake_job *job, const struct problem *problem,
			  const struct manager_quote *host)
{
	static const uint8_t bytes[] = { 0x04, 0x05, 0x06 };
	struct manager_attested attested = {
		.uuid = { 1 },
		.has_digest = job->attested.has_digest,
		.is_deep = job->attested.deep,
		.ak = { &bytes[0], 1 },
		.message = { job->attested.quote.nonce, sizeof(job->attested.quote.nonce) },
		.signature = { &bytes[1], 1 },
		.pcrs = job->attested.quote.pcrs,
		.deep = { .leaf = { job->attested.digest, sizeof(job->attested.digest) },
			  .index = 1,
			  .count = 2,
			  .proof = { &bytes[2], 1 },
			  .host = *host },
	};

	cursor_copy(attested.name, sizeof(attested.name), job->name, sizeof(job->name));
	job->attest(job->context, problem, &attested);
}

/* What no TPM has made: each part is one byte. */
static void tell_ca(struct fake_job *job, const struct problem *problem)
{
	static const uint8_t bytes[] = { 0xc0, 0xc1, 0xc2, 0xc3 };
	static const struct manager_revoked revoked = { .uuid = { 0xab }, .epoch = 7 };
	const struct manager_ca ca = {
		.part = { { &bytes[0], 1 }, { &bytes[1], 1 }, { &bytes[2], 1 }, { &bytes[3], 1 } },
		.issued = 4,
	};

	if (job->ca)
		job->ca(job->context, problem, &ca);
	else
		job->revoked(job->context, problem, &revoked, 1, 1);
}

/* What no TPM has made: the frame is the nonce, all else one byte. */
static void tell_evidence(struct fake_job *job, const struct problem *problem)
{
	static const struct manager_identity identity = {
		.ak = { .length = 1, .bytes = { 0xaa } },
		.ak_name = { .length = 1, .bytes = { 0xab } },
		.ek = { .length = 1, .bytes = { 0xec } },
		.certificates[0] = { .index = 0x01c0000a, .length = 1, .bytes = { 0xce } },
		.count = 1,
	};
	static const uint8_t bytes[] = { 0x01, 0x02, 0x03 };
	const struct manager_quote quote = {
		.frame = { job->wish.nonce, sizeof(job->wish.nonce) },
		.message = { &bytes[0], 1 },
		.signature = { &bytes[1], 1 },
		.pcrs = job->wish.pcrs,
	};

	if (job->identity)
		job->identity(job->context, problem, &identity);
	else if (job->quote)
		job->quote(job->context, problem, &quote);
	else if (job->attest)
		tell_attested(job, problem, &quote);
	else
		job->credential(job->context, problem, (struct manager_bytes){ &bytes[2], 1 });
}

static int on_job(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct fake_job *job = userdata;
	struct manager *fake = job->fake;
	const struct problem *problem;

	(void)usec;
	if (!job->problem.code && !job->run(job)) {
		sd_event_source_set_time_relative(source, POLL_MS * 1000);
		return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	}
	fake->ended++;
	problem = job->problem.code ? &job->problem : NULL;
	if (job->context && job->recovery)
		job->recovery(job->context, problem, fake->record, fake->record_length,
			      fake->point);
	else if (job->context && job->plans)
		job->plans(job->context, problem, &fake->plans);
	else if (job->context && job->done)
		job->done(job->context, problem);
	else if (job->context && (job->ca || job->revoked))
		tell_ca(job, problem);
	else if (job->context)
		tell_evidence(job, problem);
	drop(job);
	return 0;
}

static enum problem_code problem_of(const char *name)
{
	if (strncmp(name, "problem-", strlen("problem-")))
		return PROBLEM_NONE;
	for (unsigned int code = PROBLEM_NONE + 1; code < _PROBLEM_MAX; code++)
		if (!strcmp(name + strlen("problem-"), problem_name(code)))
			return code;
	return PROBLEM_NONE;
}

static struct fake_job *job_new(struct manager *fake, const char *name,
				bool (*run)(struct fake_job *job), manager_done done, void *context)
{
	unsigned int ms = strncmp(name, "slow", 4) ? 0 : FAKE_SLOW_MS;
	struct fake_job *job = calloc(1, sizeof(*job));
	enum problem_code code = problem_of(name);

	if (!job)
		abort();
	job->fake = fake;
	job->run = run;
	job->done = done;
	job->context = context;
	snprintf(job->name, sizeof(job->name), "%s", name);
	if (code)
		problem_set(&job->problem, code, "do as the test says",
			    "vTPM '%s' has problem '%s'", name, problem_name(code));
	sd_event_add_time_relative(fake->event, &job->timer, CLOCK_MONOTONIC, ms * 1000, 1, on_job,
				   job);
	if (!strncmp(name, "never", 5))
		sd_event_source_set_enabled(job->timer, SD_EVENT_OFF);
	LIST_INSERT_HEAD(&fake->jobs, job, entry);
	return job;
}

/* What is asked of one that has to be there. */
static struct fake_vtpm *find_or_fail(struct fake_job *job)
{
	struct fake_vtpm *vtpm = fake_find(job->fake, job->name);

	if (!vtpm)
		problem_set(&job->problem, PROBLEM_NOT_FOUND, "`vtpmctl list` says which there are",
			    "there is no vTPM '%s'", job->name);
	return vtpm;
}

static bool run_create(struct fake_job *job)
{
	struct manager *fake = job->fake;
	size_t i;

	if (fake_find(fake, job->name)) {
		problem_set(&job->problem, PROBLEM_EXISTS, "take another name",
			    "the name '%s' is taken", job->name);
		return true;
	}
	for (i = 0; i < FAKE_VTPMS - 1 && fake->vtpms[i].define.name[0]; i++)
		;
	fake->vtpms[i] = (struct fake_vtpm){
		.define = {
			.uuid = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0x4d, 0xef, 0x80 },
			.front = job->what.front,
			.uid = job->what.uid,
			.gid = job->what.gid,
			.mode = job->what.mode,
			.banks = job->what.banks,
			.plain_state = job->what.plain_state,
			.epoch = 1,
			.created = 1700000000,
		},
		.running = job->what.start,
	};
	cursor_copy(fake->vtpms[i].define.name, VTPM_NAME_SIZE, job->name, VTPM_NAME_SIZE);
	return true;
}

static bool run_start(struct fake_job *job)
{
	struct fake_vtpm *vtpm = find_or_fail(job);

	if (vtpm)
		vtpm->running = true;
	return true;
}

static bool run_stop(struct fake_job *job)
{
	struct fake_vtpm *vtpm = find_or_fail(job);

	if (vtpm)
		vtpm->running = false;
	return true;
}

static bool run_reset(struct fake_job *job)
{
	find_or_fail(job);
	return true;
}

static bool run_remove(struct fake_job *job)
{
	struct fake_vtpm *vtpm = find_or_fail(job);

	if (vtpm)
		*vtpm = (struct fake_vtpm){ 0 };
	return true;
}

static bool run_wait(struct fake_job *job)
{
	struct fake_vtpm *vtpm = find_or_fail(job);

	return !vtpm || vtpm->running;
}

static bool run_nothing(struct fake_job *job)
{
	(void)job;
	return true;
}

void fake_later(struct manager *fake, const char *name, manager_done done, void *context)
{
	job_new(fake, name, run_nothing, done, context);
}

void manager_create(struct manager *fake, const struct manager_create *what, manager_done done,
		    void *context)
{
	job_new(fake, what->name, run_create, done, context)->what = *what;
}

void manager_start(struct manager *fake, const char *name, manager_done done, void *context)
{
	job_new(fake, name, run_start, done, context);
}

void manager_stop(struct manager *fake, const char *name, manager_done done, void *context)
{
	job_new(fake, name, run_stop, done, context);
}

void manager_reset(struct manager *fake, const char *name, manager_done done, void *context)
{
	job_new(fake, name, run_reset, done, context);
}

void manager_launch(struct manager *fake, const char *name, const struct manager_launch *what,
		    manager_done done, void *context)
{
	fake->launch = *what;
	job_new(fake, name, run_start, done, context);
}

bool manager_log_path(struct manager *fake, const char *name, char *ret, size_t room)
{
	snprintf(ret, room, "%s", fake->log_path ? fake->log_path : "/nowhere");
	return fake_find(fake, name);
}

void manager_remove(struct manager *fake, const char *name, manager_done done, void *context)
{
	job_new(fake, name, run_remove, done, context);
}

void manager_wait(struct manager *fake, const char *name, manager_done done, void *context)
{
	job_new(fake, name, run_wait, done, context);
}

size_t fake_jobs(const struct manager *fake)
{
	const struct fake_job *job;
	size_t count = 0;

	LIST_FOREACH(job, &fake->jobs, entry)
		count++;
	return count;
}

void fake_go_on(struct manager *fake)
{
	struct fake_job *job;

	LIST_FOREACH(job, &fake->jobs, entry)
		sd_event_source_set_enabled(job->timer, SD_EVENT_ONESHOT);
}

void manager_forget(struct manager *fake, void *context)
{
	struct fake_job *job, *next;

	for (job = LIST_FIRST(&fake->jobs); job; job = next) {
		next = LIST_NEXT(job, entry);
		if (job->context != context)
			continue;
		fake->forgotten++;
		job->context = NULL;
		if (job->run == run_wait)
			drop(job);
	}
}

static void view_of(const struct fake_vtpm *vtpm, size_t index, struct vtpm_view *ret)
{
	*ret = (struct vtpm_view){
		.define = &vtpm->define,
		.condition = vtpm->running ? VTPM_RUNNING : VTPM_DEFINED,
		.phase = vtpm->running ? VTPM_SERVING : VTPM_IDLE,
		.engine_pid = vtpm->running ? 4242 : 0,
		.generation = 7,
		.instance = vtpm->running ? 0xfeedfacecafebeef : 0,
		.hardware_protected = true,
		.rollback = KEYD_ROLLBACK_LAZY,
	};
	if (vtpm_front_is_socket(vtpm->define.front)) {
		snprintf(ret->socket, sizeof(ret->socket), "/run/vtpm/%s.sock", vtpm->define.name);
		snprintf(ret->control, sizeof(ret->control), "/run/vtpm/%s.sock.ctrl",
			 vtpm->define.name);
		return;
	}
	snprintf(ret->devices[0], sizeof(ret->devices[0]), "/dev/vtpm%zu", index);
	snprintf(ret->devices[1], sizeof(ret->devices[1]), "/dev/vtpmrm%zu", index);
}

bool manager_view(struct manager *fake, const char *name, struct vtpm_view *ret)
{
	struct fake_vtpm *vtpm = fake_find(fake, name);

	if (vtpm)
		view_of(vtpm, (size_t)(vtpm - fake->vtpms), ret);
	return vtpm;
}

void manager_each(struct manager *fake, void (*look)(void *context, const struct vtpm_view *view),
		  void *context)
{
	struct vtpm_view view;

	for (size_t i = 0; i < FAKE_VTPMS; i++) {
		if (!fake->vtpms[i].define.name[0])
			continue;
		view_of(&fake->vtpms[i], i, &view);
		look(context, &view);
	}
}

void manager_host(struct manager *fake, struct manager_host *ret)
{
	*ret = fake->host;
}

void manager_host_init(struct manager *fake, const struct manager_host_init *what,
		       manager_done done, void *context)
{
	struct fake_job *job = job_new(fake, "", run_nothing, done, context);

	fake->init = *what;
	if (fake->host.state != KEYD_STATE_NONE)
		problem_set(&job->problem, PROBLEM_EXISTS, "nothing is to be done",
			    "the host is initialised already");
	else if (fake->owner_box && !fake->owner_box(what->box, what->box_length))
		problem_set(&job->problem, PROBLEM_AUTH, "give the owner password",
			    "the host TPM's owner has a password, and %s",
			    what->box_length ? "this is another one" : "none was given");
	else
		fake->host.state = KEYD_STATE_UNLOCKED;
	fake->host.protection = what->no_hardware ? KEYD_PROTECTION_NONE : KEYD_PROTECTION_TPM;
}

void manager_host_unlock(struct manager *fake, const struct manager_host_unlock *what,
			 manager_done done, void *context)
{
	struct fake_job *job = job_new(fake, "", run_nothing, done, context);

	fake->unlock = *what;
	if (fake->root_box && !fake->root_box(what->box, what->box_length))
		problem_set(&job->problem, PROBLEM_AUTH, "take the code of this host",
			    "the box holds no root key of this host");
	else
		fake->host.state = KEYD_STATE_UNLOCKED;
}

void manager_share(struct manager *fake, const struct manager_share *what, manager_done done,
		   void *context)
{
	struct fake_job *job = job_new(fake, "", run_nothing, done, context);

	fake->share = *what;
	if (fake->host.share == KEYD_SHARE_NONE) {
		problem_set(&job->problem, PROBLEM_INVALID, "see vtpmctl host show",
			    "this host is bound to no verifier");
		return;
	}
	fake->host.share = KEYD_SHARE_BOUND;
	fake->host.state = KEYD_STATE_UNLOCKED;
}

void manager_bind(struct manager *fake, const struct manager_bind *what, manager_done done,
		  void *context)
{
	struct fake_job *job = job_new(fake, "", run_nothing, done, context);

	fake->bind = *what;
	if (fake->root_box && !fake->root_box(what->box, what->box_length))
		problem_set(&job->problem, PROBLEM_AUTH, "take the code of this host",
			    "the box holds no root key of this host");
	else
		fake->host.share = *what->host ? KEYD_SHARE_BOUND : KEYD_SHARE_NONE;
}

void manager_host_migration_key(struct manager *fake, const uint8_t *box, size_t length,
				manager_done done, void *context)
{
	struct fake_job *job = job_new(fake, "", run_nothing, done, context);

	if (fake->migration_box && !fake->migration_box(box, length))
		problem_set(&job->problem, PROBLEM_INVALID, "give 32 bytes",
			    "the box holds no migration key");
}

void manager_host_accept(struct manager *fake, const struct manager_host_accept *what,
			 manager_done done, void *context)
{
	struct fake_job *job = job_new(fake, "", run_nothing, done, context);

	fake->accept = *what;
	if (fake->root_box && !fake->root_box(what->box, what->box_length))
		problem_set(&job->problem, PROBLEM_AUTH, "take the code of this host",
			    "the box holds no root key of this host");
	else if (fake->owner_box && !fake->owner_box(what->owner_box, what->owner_box_length))
		problem_set(&job->problem, PROBLEM_AUTH, "give the owner password",
			    "the host TPM's owner has a password, and %s",
			    what->owner_box_length ? "this is another one" : "none was given");
	else
		fake->host.verdict = KEYD_VERDICT_NEWEST;
}

void manager_host_rollback(struct manager *fake, const struct manager_host_rollback *what,
			   manager_done done, void *context)
{
	struct fake_job *job = job_new(fake, "", run_nothing, done, context);

	if (fake->root_box && !fake->root_box(what->box, what->box_length))
		problem_set(&job->problem, PROBLEM_AUTH, "take the code of this host",
			    "the box holds no root key of this host");
	else if (what->mode == KEYD_ROLLBACK_OFF)
		problem_set(&job->problem, PROBLEM_INVALID, NULL,
			    "rollback protection is not switched off later");
	if (job->problem.code)
		return;
	fake->host.rollback = what->mode;
	if (what->window)
		fake->host.window = what->window;
}

bool manager_papers(struct manager *fake, const char *name, struct manager_papers *ret,
		    struct problem *problem)
{
	static uint8_t public[] = { 0x00, 0x23 }, der[] = { 0x30, 0x82 };
	struct paper *iak = &fake->papers.of[KEYD_CERT_IAK];

	if (!fake_find(fake, name)) {
		problem_set(problem, PROBLEM_NOT_FOUND, NULL, "there is no vTPM '%s'", name);
		return false;
	}
	iak->public = (struct paper_bytes){ public, sizeof(public) };
	iak->der = (struct paper_bytes){ der, sizeof(der) };
	iak->source = ENGINE_CERT_HOST;
	iak->epoch = 1;
	*ret = (struct manager_papers){
		.papers = &fake->papers,
		.state = { [KEYD_CERT_EK_RSA_2048] = PAPER_PENDING,
			   [KEYD_CERT_EK_P256] = PAPER_STALE,
			   [KEYD_CERT_EK_P384] = PAPER_EXPIRED,
			   [KEYD_CERT_IAK] = PAPER_ISSUED },
	};
	return true;
}

void manager_certify_renew(struct manager *fake, const char *name, uint32_t kinds,
			   manager_done done, void *context)
{
	fake->renewed = kinds;
	job_new(fake, name, run_nothing, done, context);
}

void manager_certify_replace(struct manager *fake, const struct manager_certificate *what,
			     manager_done done, void *context)
{
	fake->replaced = *what;
	job_new(fake, what->name, run_nothing, done, context);
}

void manager_host_upgrade(struct manager *fake, manager_done done, void *context)
{
	struct fake_job *job = job_new(fake, "", run_nothing, done, context);

	fake->upgrades++;
	if (!fake->host.spawn_here)
		problem_set(&job->problem, PROBLEM_FAILED, "`systemctl status vtpm-spawn`",
			    "vtpm-spawn does not run: there is nothing to upgrade");
}

void manager_recovery(struct manager *fake, manager_recovery_done done, void *context)
{
	struct fake_job *job = job_new(fake, "", run_nothing, NULL, context);

	job->recovery = done;
	if (!fake->host.keyd_here)
		problem_set(&job->problem, PROBLEM_INTERNAL, "systemctl start vtpm-keyd",
			    "vtpm-keyd does not answer");
}

static struct fake_job *evidence_new(struct manager *fake, void *context)
{
	struct fake_job *job = job_new(fake, "", run_nothing, NULL, context);

	if (fake->host.protection != KEYD_PROTECTION_TPM)
		problem_set(&job->problem, PROBLEM_NO_HARDWARE, "take another host",
			    "no host TPM protects this host");
	return job;
}

void manager_identity(struct manager *fake, manager_identity_done done, void *context)
{
	evidence_new(fake, context)->identity = done;
}

void manager_quote(struct manager *fake, const struct manager_quote_wish *what,
		   manager_quote_done done, void *context)
{
	struct fake_job *job = evidence_new(fake, context);

	fake->quoted = *what;
	job->wish = *what;
	job->quote = done;
}

void manager_activate(struct manager *fake, const struct manager_credential *what,
		      manager_credential_done done, void *context)
{
	(void)what;
	evidence_new(fake, context)->credential = done;
}

void manager_attest(struct manager *fake, const char *name,
		    const struct manager_attest_wish *what, manager_attest_done done,
		    void *context)
{
	struct fake_job *job = evidence_new(fake, context);

	text_cut(job->name, sizeof(job->name), name);
	if (!fake_find(fake, name))
		problem_set(&job->problem, PROBLEM_NOT_FOUND, NULL, "there is no vTPM '%s'", name);
	job->attested = *what;
	job->attest = done;
}

void manager_plans(struct manager *fake, manager_plans_done done, void *context)
{
	evidence_new(fake, context)->plans = done;
}

/* What a plan says is keyd's affair: it is kept as it came. */
void manager_plan_add(struct manager *fake, struct manager_bytes plan, manager_plans_done done,
		      void *context)
{
	evidence_new(fake, context)->plans = done;
	cursor_copy(fake->plan, sizeof(fake->plan), plan.at, plan.length);
	fake->plan_length = plan.length;
}

void manager_plan_retire(struct manager *fake, uint64_t up_to, manager_plans_done done,
			 void *context)
{
	evidence_new(fake, context)->plans = done;
	fake->plans.counter = up_to + 1;
}

void manager_ca_show(struct manager *fake, manager_ca_done done, void *context)
{
	evidence_new(fake, context)->ca = done;
}

void manager_ca_init(struct manager *fake, const struct manager_ca_init *what,
		     manager_ca_done done, void *context)
{
	(void)what;
	evidence_new(fake, context)->ca = done;
}

void manager_ca_prove(struct manager *fake, const uint8_t nonce[KEYD_CA_NONCE],
		      manager_ca_done done, void *context)
{
	(void)nonce;
	evidence_new(fake, context)->ca = done;
}

void manager_ca_import(struct manager *fake, struct manager_bytes chain, manager_ca_done done,
		       void *context)
{
	(void)chain;
	evidence_new(fake, context)->ca = done;
}

void manager_ca_revoked(struct manager *fake, uint64_t from, manager_revoked_done done,
			void *context)
{
	(void)from;
	evidence_new(fake, context)->revoked = done;
}
