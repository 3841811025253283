// SPDX-License-Identifier: BSD-3-Clause
/*
 * The event loop, and what happens in it without being asked:
 *
 *	expiry	 a grant is wiped when its time is over
 *	refill	 no key was asked for a while, or no random bytes of the host TPM are there:
 *		 read some ahead
 *	deep	 a window of deep quotes has ended (deep.c)
 *	watchdog the loop turns, which is all the service manager is told
 *
 * All sources are made before the sandbox, as sd-event needs a descriptor for each
 * clock and for the signals.
 */
#include "keyd/keyd.h"

#include <errno.h>
#include <signal.h>
#include <systemd/sd-id128.h>
#include <time.h>

#include "base/log.h"
#include "keyd/deep.h"

/* No key asked for that long: the TPM's time is ours. */
#define QUIET_USEC 1000000

static int on_refill(sd_event_source *source, uint64_t usec, void *context)
{
	struct keyd *keyd = context;
	struct reason reason;
	int r;

	(void)source;
	(void)usec;
	r = pool_fill(&keyd->pool, &keyd->host, &reason);
	if (r < 0)
		log_line("no random bytes: %s", reason.text);
	if (!r) {
		sd_event_source_set_time(keyd->refill, keyd_now(keyd));
		sd_event_source_set_enabled(keyd->refill, SD_EVENT_ONESHOT);
	}
	return 0;
}

/* Who starts many vTPMs at once shall not wait for the TPM between them. */
void keyd_refill(struct keyd *keyd)
{
	bool possible = keyd->host.storage != ESYS_TR_NONE && !keyd->host.gone;
	uint64_t pause = keyd->pool.count ? QUIET_USEC : 0;

	if (possible)
		sd_event_source_set_time(keyd->refill, keyd_now(keyd) + pause);
	sd_event_source_set_enabled(keyd->refill, possible ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

uint64_t keyd_now(const struct keyd *keyd)
{
	uint64_t now = 0;

	sd_event_now(keyd->event, CLOCK_BOOTTIME, &now); /* fails for unknown clocks only */
	return now;
}

static int on_expiry(sd_event_source *source, uint64_t usec, void *context)
{
	(void)source;
	(void)usec;
	keyd_expire(context);
	return 0;
}

void keyd_expire(struct keyd *keyd)
{
	uint64_t next = grants_expire(&keyd->grants, keyd_now(keyd));

	if (next)
		sd_event_source_set_time(keyd->expiry, next);
	sd_event_source_set_enabled(keyd->expiry, next ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static int on_watchdog(sd_event_source *source, uint64_t usec, void *context)
{
	struct keyd *keyd = context;

	(void)usec;
	notify_tell(&keyd->notify, "WATCHDOG=1");
	sd_event_source_set_time(source,
				 keyd_now(keyd) + (uint64_t)keyd->notify.interval_ms * 1000);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int add_timers(struct keyd *keyd)
{
	sd_id128_t boot;
	int r;

	/* sd-event asks for it when it sets its first deadline, and reads a file for that once */
	sd_id128_get_boot(&boot);
	r = sd_event_add_time(keyd->event, &keyd->expiry, CLOCK_BOOTTIME, 0, 0, on_expiry, keyd);
	if (r >= 0)
		r = sd_event_source_set_enabled(keyd->expiry, SD_EVENT_OFF);
	if (r >= 0 && keyd->notify.interval_ms > 0)
		r = sd_event_add_time(keyd->event, NULL, CLOCK_BOOTTIME, 0, 0, on_watchdog, keyd);
	return r;
}

static int add_refill(struct keyd *keyd)
{
	int r = sd_event_add_time(keyd->event, &keyd->refill, CLOCK_BOOTTIME, 0, 0, on_refill,
				  keyd);

	if (r >= 0)
		r = sd_event_source_set_enabled(keyd->refill, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_source_set_priority(keyd->refill, SD_EVENT_PRIORITY_IDLE);
	return r;
}

int keyd_block_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	return sigprocmask(SIG_BLOCK, &signals, NULL) ? -errno : 0;
}

int keyd_loop_make(struct keyd *keyd)
{
	int r;

	r = sd_event_new(&keyd->event);
	if (r >= 0)
		r = sd_event_add_signal(keyd->event, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(keyd->event, NULL, SIGINT, NULL, NULL);
	if (r >= 0)
		r = add_timers(keyd);
	if (r >= 0)
		r = add_refill(keyd);
	if (r >= 0)
		r = deep_init(keyd->deep, keyd);
	if (r >= 0)
		r = keyd_listen(keyd);
	return r < 0 ? r : 0;
}
