// SPDX-License-Identifier: BSD-3-Clause
/*
 * Is the store the newest one, and does it stay so?
 *
 *	keyd is unlocked → ASKING → JUDGED (until keyd is another one)
 *
 * keyd is asked by the archive's thread (witness.c), which compares the rows too. Until
 * the verdict is NEWEST or UNPROTECTED no vTPM starts, and the host is shown as locked; rows that
 * are not what is vouched for are quarantined one by one; whose engine runs (keyd is another
 * one, or vtpmd is) is powered off.
 *
 * Afterwards the archive anchors by itself (strict), or is told to (lazy): a window
 * after something changed, sooner for a vTPM that comes or goes, at the end of this
 * program, and never twice within ROLLBACK_PAUSE_SECONDS, for the counter's memory wears.
 *
 * Where a person chooses another mode, keyd writes it down, and all of this begins anew.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cursor.h"
#include "base/log.h"
#include "manager/state.h"
#include "manager/witness.h"

/* How long until a host TPM that gave no verdict is asked again */
#define AGAIN_SECONDS 5

/* How long the end of the program may wait for the last anchoring */
#define LAST_MS 5000

static const struct {
	const char *reason;
	const char *next;
} verdicts[_KEYD_VERDICT_MAX] = {
	[KEYD_VERDICT_OLD] = {
		"the store is an older copy: the host TPM has counted further than it",
		"put the newest store back; or take this one, and lose what was written "
		"since: `vtpmctl host unlock --accept-rollback`",
	},
	[KEYD_VERDICT_AHEAD] = {
		"the store is ahead of the host TPM's counter: that was replaced, or the TPM was "
		"reset",
		"if that was you: `vtpmctl host unlock --accept-move`",
	},
	[KEYD_VERDICT_DIFFERENT] = {
		"the store was changed by somebody else than vtpmd",
		"`vtpmctl fsck` shows what is intact; to use it as it is: "
		"`vtpmctl host unlock --accept-rollback`",
	},
	[KEYD_VERDICT_FOREIGN] = {
		"the store has vTPMs, but no root block of this host",
		"put this host's store back; if it is the right one: "
		"`vtpmctl host unlock --accept-rollback`",
	},
	[KEYD_VERDICT_MISSING] = {
		"the host TPM has not the counter that goes with this store: it is another TPM, or "
		"the counter was removed",
		"if the store was moved here: `vtpmctl host unlock --bind --accept-move`",
	},
	[KEYD_VERDICT_UNASKED] = {
		"whether the store is the newest one is being asked, or the host TPM gives no "
		"verdict",
		"try again; if it stays so, see the log of vtpm-keyd",
	},
};

static bool is_good(enum keyd_verdict verdict)
{
	return verdict == KEYD_VERDICT_NEWEST || verdict == KEYD_VERDICT_UNPROTECTED;
}

bool rollback_is_pending(const struct manager *manager)
{
	return manager->host.state == KEYD_STATE_UNLOCKED &&
	       manager->rollback.verdict == KEYD_VERDICT_UNASKED;
}

bool rollback_locks(const struct manager *manager, const char **ret_reason, const char **ret_next)
{
	enum keyd_verdict verdict = manager->rollback.verdict;

	if (is_good(verdict))
		return false;
	*ret_reason = verdicts[verdict].reason;
	*ret_next = verdicts[verdict].next;
	return true;
}

static uint64_t now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec;
}

/* The verdict */

static void take_findings(struct manager *manager, const struct archive_job *job)
{
	manager->host.lost = 0;
	for (size_t i = 0; i < job->finding_count; i++) {
		const struct archive_finding *finding = &job->findings[i];
		struct vtpm *vtpm = manager_find_uuid(manager, finding->uuid);

		if (vtpm && !finding->missing) {
			if (!vtpm->define.quarantine[0])
				power_quarantine_running(vtpm, finding->reason);
			continue;
		}
		manager->host.lost++;
		log_line("a vTPM (UUID %02x%02x%02x%02x...): %s", finding->uuid[0],
			 finding->uuid[1], finding->uuid[2], finding->uuid[3], finding->reason);
	}
}

static int on_again(sd_event_source *source, uint64_t now, void *context)
{
	struct manager *manager = context;

	(void)source;
	(void)now;
	manager->rollback.again = sd_event_source_disable_unref(manager->rollback.again);
	rollback_ask(manager);
	return 0;
}

static void judged(struct archive_job *job)
{
	struct manager *manager = job->context;
	struct rollback *rollback = &manager->rollback;
	const char *reason, *next;

	rollback->asking = false;
	/* Another keyd came meanwhile: what the one before said does not count. */
	if (rollback->asked != manager->keyd_runs) {
		rollback_ask(manager);
		return;
	}
	if (job->error) {
		log_line("no verdict about the store (errno %d)", job->error);
		if (!manager->ending && !rollback->again &&
		    sd_event_add_time_relative(manager->event, &rollback->again, CLOCK_MONOTONIC,
					       AGAIN_SECONDS * 1000000ull, 0, on_again,
					       manager) < 0)
			manager_out_of_memory();
		manager_keyd_judged(manager);
		return;
	}
	rollback->verdict = job->verdict;
	cursor_copy(rollback->root, sizeof(rollback->root), job->root, sizeof(job->root));
	if (rollback_locks(manager, &reason, &next))
		log_line("locked: %s", reason);
	take_findings(manager, job);
	manager_keyd_judged(manager);
	power_step_all(manager);
}

void rollback_ask(struct manager *manager)
{
	struct rollback *rollback = &manager->rollback;
	struct archive_job *job;

	if (rollback->asking || manager->host.state != KEYD_STATE_UNLOCKED)
		return;
	job = archive_job(ARCHIVE_WITNESS, judged, manager);
	if (!job)
		manager_out_of_memory();
	rollback->asking = true;
	rollback->asked = manager->keyd_runs;
	rollback->verdict = KEYD_VERDICT_UNASKED;
	archive_submit(manager->archive, job);
}

void rollback_forget(struct manager *manager)
{
	manager->keyd_runs++;
	manager->rollback.verdict = KEYD_VERDICT_UNASKED;
}

/* Anchoring */

static void anchored(struct archive_job *job)
{
	struct manager *manager = job->context;

	manager->rollback.anchoring = false;
	if (job->error)
		log_line(
			"what was written is not anchored in the host TPM (errno %d); trying again "
			"later",
			job->error);
	else
		manager_keyd_look(manager);
}

static void anchor(struct manager *manager)
{
	struct archive_job *job = archive_job(ARCHIVE_ANCHOR, anchored, manager);

	if (!job)
		manager_out_of_memory();
	manager->rollback.anchoring = true;
	manager->rollback.anchored = now_seconds();
	archive_submit(manager->archive, job);
}

static int on_timer(sd_event_source *source, uint64_t now, void *context)
{
	struct manager *manager = context;

	(void)source;
	(void)now;
	manager->rollback.timer = sd_event_source_disable_unref(manager->rollback.timer);
	if (archive_is_dirty(manager->archive) && !manager->rollback.anchoring)
		anchor(manager);
	return 0;
}

/* Seconds until the counter may be moved again. */
static uint64_t pause_left(const struct manager *manager)
{
	uint64_t since = now_seconds() - manager->rollback.anchored;

	return manager->rollback.anchored && since < ROLLBACK_PAUSE_SECONDS
		       ? ROLLBACK_PAUSE_SECONDS - since
		       : 0;
}

static void anchor_in(struct manager *manager, uint64_t seconds)
{
	struct rollback *rollback = &manager->rollback;

	rollback->timer = sd_event_source_disable_unref(rollback->timer);
	if (sd_event_add_time_relative(manager->event, &rollback->timer, CLOCK_MONOTONIC,
				       seconds * 1000000, 1000, on_timer, manager) < 0)
		manager_out_of_memory();
}

void rollback_look(struct manager *manager)
{
	uint64_t window = manager->host.window;

	if (window < ROLLBACK_PAUSE_SECONDS)
		window = ROLLBACK_PAUSE_SECONDS;
	if (!manager->rollback.timer && archive_is_dirty(manager->archive))
		anchor_in(manager, window);
}

void rollback_soon(struct manager *manager)
{
	if (archive_is_dirty(manager->archive))
		anchor_in(manager, pause_left(manager));
}

void rollback_end(struct manager *manager)
{
	struct pollfd ready = { .fd = archive_fd(manager->archive), .events = POLLIN };
	uint64_t end = now_seconds() + LAST_MS / 1000;

	if (manager->rollback.ended)
		return;
	manager->rollback.ended = true;
	if (!archive_is_dirty(manager->archive) || pause_left(manager) ||
	    manager->rollback.anchoring || !manager->host.keyd_here ||
	    !is_good(manager->rollback.verdict))
		return;
	anchor(manager);
	while (manager->rollback.anchoring && now_seconds() < end) {
		poll(&ready, 1, 100);
		archive_dispatch(manager->archive);
	}
}

/* Another mode */

struct change {
	struct manager *manager;
	struct waiter *waiter;
};

/* What is not anchored yet is so by the new mode's rules, and the archive learns that it is new. */
static void begin_anew(struct manager *manager)
{
	struct rollback *rollback = &manager->rollback;

	rollback->timer = sd_event_source_disable_unref(rollback->timer);
	if (archive_is_dirty(manager->archive) && !rollback->anchoring)
		anchor(manager);
	rollback_forget(manager);
	rollback_ask(manager);
}

static int changed(void *context, const struct peer_answer *answer)
{
	bool nonsense = !answer->error && !ipc_ended(answer->in);
	struct change *change = context;
	struct manager *manager = change->manager;
	struct problem problem;

	if (answer->error || nonsense) {
		manager_keyd_problem(&problem, nonsense ? EPROTO : answer->error, answer->text);
		manager_answer(manager, change->waiter, &problem);
	} else {
		begin_anew(manager);
		manager_keyd_answer(manager, change->waiter);
	}
	free(change);
	return nonsense ? -EPROTO : 0;
}

void manager_host_rollback(struct manager *manager, const struct manager_host_rollback *what,
			   manager_done done, void *context)
{
	uint8_t buffer[KEYD_BOX_MAX + 64];
	struct problem problem;
	struct change *change;
	struct ipc_out out;

	if (manager_is_locked(manager, &problem)) {
		manager_tell(manager, done, context, &problem);
		return;
	}
	change = calloc(1, sizeof(*change));
	if (!change)
		manager_out_of_memory();
	*change = (struct change){ manager, manager_ask(manager, done, context) };
	out = peer_call(&manager->keyd, KEYD_ROLLBACK, buffer, sizeof(buffer));
	ipc_put_blob(&out, what->box, what->box_length);
	cursor_put_u8(&out.body, (uint8_t)what->mode);
	cursor_put_u32(&out.body, what->window);
	peer_send(&manager->keyd, &out, changed, change);
}
