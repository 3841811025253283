// SPDX-License-Identifier: GPL-2.0-only
/*
 * The server of the device, for as many engines as there are kills.
 *
 *	attach, start an engine
 *	loop:	take a frame, send it
 *		wait for its answer, hand it to the queue
 *	at the instant that the plan says: SIGKILL
 *		frame still unread in the link	-> untake, or leave it taken
 *		answers already in the link	-> hand them to the queue
 *		detach; what is taken will be delivered again
 *
 * With plan.detach_first the driver declares the engine dead before it is: its last
 * answer is then refused by the queue (EPIPE) and must come again, the same byte
 * by byte, from the unit of the next engine. An engine that ends by
 * itself, for whatever reason, is a violation: there is no state here that it may
 * refuse.
 *
 * One thread does all this, so that the killing instant is its own decision; it is
 * found by busy waiting.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <linux/ktime.h>

#include "report.h"
#include "server.h"

/* An engine that has not answered by then hangs. */
#define HANG_NS (20 * NSEC_PER_SEC)

static u32 frame_cc(const struct frame *frame)
{
	const u8 *p = frame->payload;

	if (!frame->head.id || frame->head.kind != VTPM_FRAME_COMMAND)
		return 0;
	return (u32)p[6] << 24 | p[7] << 16 | p[8] << 8 | p[9];
}

static void birth(struct server *server, bool chase)
{
	u64 token = server->token + 1;

	sabotage_restart(&server->sabotage, &server->engine);
	if (vtpm_queue_attach(&server->kernel->queue, (void *)(uintptr_t)token, NULL,
			      true))
		violation("driver", "attach", "refused");
	smp_store_release(&server->token, token);

	server->answered = 0;
	server->due = 0;
	if (stat_get(&stats.kills) < READ_ONCE(server->kills))
		plan_next(&server->plan, &server->pace, chase);
	else
		server->plan = (struct plan){ .point = KILL_NONE };

	engine_spawn(&server->engine);
	server->checkpoint.stride = rng_percent(&server->pace.rng, 50) ? 4096 : SIZE_MAX / 2;
	if (server->plan.point == KILL_START)
		server->due = server->engine.spawned + plan_delay(&server->plan, &server->pace, 0);
}

/* An answer that came too late must come again, byte by byte, from the unit. */
static void check_late(struct server *server, const struct answer *answer)
{
	struct answer *late = &server->late;

	if (!late->head.size || late->head.id != answer->head.id)
		return;
	if (memcmp(late, answer, min(late->head.size, answer->head.size)))
		violation(
			"engine", report_command_name(frame_cc(&server->frame)),
			"second answer to request %llu (%u bytes) is not the first one (%u bytes)",
			answer->head.id, answer->head.size, late->head.size);
	late->head.size = 0;
}

/* Hand an answer to the queue. */
static void deliver(struct server *server, struct answer *answer, bool attached)
{
	int rc;

	if (answer->head.id != server->sent_id)
		violation("engine", "answer", "to request %llu, not %llu", answer->head.id,
			  server->sent_id);
	answer->head.id = server->frame.head.id;
	if (attached) {
		check_late(server, answer);
		if (server->in_unit)
			stat_add(&stats.from_unit);
	}

	rc = vtpm_queue_answer(&server->kernel->queue, server_token(server), answer->head.id,
			       -(int)answer->head.error, answer->response,
			       answer->head.size - sizeof(answer->head));
	if (!attached) {
		if (rc != -EPIPE)
			violation("driver", "answer", "after detach: %d", rc);
		stat_add(&stats.late);
		/* What changes nothing is not published: it runs again, and may answer otherwise.
		 */
		server->late.head.size = 0;
		if (watch_unit_id(&server->checkpoint) == server->sent_id)
			server->late = *answer;
		return;
	}
	if (rc && rc != -ESTALE)
		violation("driver", "answer", "%d", rc);
	if (server->sabotage.kind == SABOTAGE_LOSE && !answer->head.error) {
		server->sabotage.cc = frame_cc(&server->frame);
		server->sabotage.answer = *answer;
	}
	server->frame.head.id = 0;
}

/* What was still in the link when the engine died. */
static void drain(struct server *server, bool attached)
{
	u64 unread = engine_unread(&server->engine);
	struct answer answer;

	if (unread && unread == server->sent_id && server->plan.untake && attached) {
		if (vtpm_queue_untake(&server->kernel->queue, server_token(server),
				      server->frame.head.id))
			violation("driver", "untake", "refused");
		server->frame.head.id = 0;
		stat_add(&stats.spared);
	}
	while (engine_receive(&server->engine, &answer))
		deliver(server, &answer, attached);
}

static void check_status(int status)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return;
	if (WIFEXITED(status))
		violation("engine", "exit", "by itself, with status %d", WEXITSTATUS(status));
	violation("engine", "exit", "by itself, by signal %d", WTERMSIG(status));
}

static void death(struct server *server, bool by_us)
{
	struct vtpm_queue *queue = &server->kernel->queue;
	const void *token = server_token(server);
	bool detach_first = by_us && server->plan.detach_first;

	if (detach_first)
		vtpm_queue_detach(queue, token);
	if (by_us)
		engine_kill(&server->engine);
	check_status(engine_reap(&server->engine));
	if (!by_us)
		violation("engine", "exit", "killed by somebody else");
	stat_add(&stats.kills);
	pace_kill(&server->pace, frame_cc(&server->frame), server->plan.point);

	drain(server, !detach_first);
	if (!detach_first && !vtpm_queue_detach(queue, token))
		violation("driver", "detach", "was not attached");
	engine_forget(&server->engine);
}

/* Does the plan wait for something that this frame may bring? */
static bool alert(const struct server *server)
{
	const struct plan *plan = &server->plan;

	if (plan->point < KILL_RECEIVE || plan->point > KILL_ANSWER ||
	    server->answered < plan->skip)
		return false;
	return !plan->cc || plan->cc == frame_cc(&server->frame) ||
	       server->answered >= plan->skip + plan->patience;
}

static bool event(struct server *server)
{
	bool impatient = server->answered >= server->plan.skip + server->plan.patience;

	switch (server->plan.point) {
	case KILL_RECEIVE:
		return !engine_has_unread(&server->engine);
	case KILL_PUBLISH:
		return watch_changed(&server->checkpoint) ||
		       (impatient && engine_has_answer(&server->engine));
	case KILL_COMMIT:
		return watch_changed(&server->store) ||
		       (impatient && engine_has_answer(&server->engine));
	default:
		return engine_has_answer(&server->engine);
	}
}

/*
 * Busy until the engine is to be killed. An answer is left in the link, once there
 * is a time to kill; otherwise it ends the waiting: this frame did not bring the event.
 *
 * Return: whether to kill.
 */
static bool await_instant(struct server *server)
{
	while (!server->due) {
		if (event(server))
			server->due = ktime_get_ns() + plan_delay(&server->plan, &server->pace,
								  frame_cc(&server->frame));
		else if (engine_has_answer(&server->engine))
			return false;
		else if (engine_dead(&server->engine))
			return true;
	}
	while (ktime_get_ns() < server->due)
		;
	return true;
}

/* Return: whether the engine lives, and has answered. */
static bool await_answer(struct server *server)
{
	struct answer answer;
	u64 now;

	if (alert(server) && await_instant(server)) {
		death(server, server->due != 0);
		return false;
	}
	while (!engine_receive(&server->engine, &answer)) {
		struct pollfd p[] = {
			{ .fd = server->engine.fd, .events = POLLIN },
			{ .fd = server->engine.pidfd, .events = POLLIN },
		};
		u64 left = HANG_NS;

		now = ktime_get_ns();
		if (server->due)
			left = server->due > now ? server->due - now : 0;
		if (left &&
		    ppoll(p, 2, &(struct timespec){ left / NSEC_PER_SEC, left % NSEC_PER_SEC },
			  NULL) == 0 &&
		    !server->due)
			violation("engine", report_command_name(frame_cc(&server->frame)), "hangs");
		if ((p[1].revents & POLLIN) || (server->due && ktime_get_ns() >= server->due)) {
			death(server, !(p[1].revents & POLLIN));
			return false;
		}
	}

	now = ktime_get_ns();
	if (server->answered++)
		pace_command(&server->pace, frame_cc(&server->frame), now - server->sent);
	else
		pace_startup(&server->pace, now - server->engine.spawned);
	deliver(server, &answer, true);
	server->engine.manufacture = false;
	return true;
}

static void replay(struct server *server, struct frame *frame)
{
	struct answer answer;

	engine_send(&server->engine, frame);
	while (!engine_receive(&server->engine, &answer))
		if (engine_dead(&server->engine))
			return;
}

/* Return: whether the engine lives. */
static bool serve_frame(struct server *server)
{
	struct sabotage *sabotage = &server->sabotage;
	struct frame frame;

	if (server->frame.head.kind == VTPM_FRAME_WAKE) {
		stat_add(&stats.wakes);
		engine_send(&server->engine, &server->frame);
		return true;
	}
	if (sabotage_loses(sabotage, frame_cc(&server->frame))) {
		vtpm_queue_answer(&server->kernel->queue, server_token(server),
				  server->frame.head.id, 0, sabotage->answer.response,
				  sabotage->answer.head.size - sizeof(sabotage->answer.head));
		return true;
	}

	frame = server->frame;
	sabotage_frame(sabotage, &frame);
	server->sent_id = frame.head.id;
	server->in_unit = (frame.head.flags & VTPM_FRAME_REDELIVERED) &&
			  watch_unit_id(&server->checkpoint) == frame.head.id;
	watch_mark(&server->checkpoint);
	watch_mark(&server->store);
	server->sent = ktime_get_ns();
	engine_send(&server->engine, &frame);
	if (!await_answer(server))
		return false;
	if (sabotage_replays(sabotage, &frame))
		replay(server, &frame);
	return true;
}

/* Nothing to do: sleep, or be killed. Return: whether the engine lives. */
static bool idle(struct server *server)
{
	struct vtpm_queue *queue = &server->kernel->queue;
	u64 now = ktime_get_ns();

	if (server->due && now >= server->due) {
		death(server, true);
		return false;
	}
	if (engine_dead(&server->engine)) {
		death(server, false);
		return false;
	}
	if (server->plan.point != KILL_IDLE || !server->due)
		shim_wait(&queue->server_wait, vtpm_queue_ready(queue, server_token(server)),
			  server->due ? min(server->due - now, NSEC_PER_MSEC) : NSEC_PER_MSEC);
	return true;
}

static void serve(struct server *server)
{
	struct vtpm_queue *queue = &server->kernel->queue;
	int rc;

	while (!READ_ONCE(server->stop)) {
		if (server->plan.point == KILL_IDLE && !server->due &&
		    server->answered >= server->plan.skip)
			server->due = ktime_get_ns() + plan_delay(&server->plan, &server->pace, 0);
		if (server->plan.point == KILL_IDLE && server->due) {
			if (!idle(server))
				return;
			continue;
		}
		rc = vtpm_queue_take(queue, server_token(server), &server->frame.head,
				     server->frame.payload);
		if (rc == -EAGAIN) {
			if (!idle(server))
				return;
		} else if (rc < 0) {
			violation("driver", "take", "%d", rc);
		} else if (!serve_frame(server)) {
			return;
		}
	}
}

static void *run(void *arg)
{
	struct server *server = arg;
	int status;

	while (!READ_ONCE(server->stop)) {
		birth(server, server->frame.head.id != 0);
		server->frame.head.id = 0;
		serve(server);
	}
	if (server->engine.pid) {
		vtpm_queue_detach(&server->kernel->queue, server_token(server));
		status = engine_leave(&server->engine);
		if (status)
			violation("engine", "leave", "status %#x", status);
	}
	return NULL;
}

void server_start(struct server *server)
{
	server->checkpoint.fd = server->engine.checkpoint_fd;
	server->store.fd = server->engine.state_fd;
	server->store.stride = 4096;
	if (pthread_create(&server->thread, NULL, run, server))
		abort();
}

void server_stop(struct server *server)
{
	WRITE_ONCE(server->stop, true);
	pthread_join(server->thread, NULL);
}
