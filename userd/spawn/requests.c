// SPDX-License-Identifier: BSD-3-Clause
/*
 * What the manager asks, one handler each, and what he is told.
 *
 * A request is answered before the next one is taken. SPAWN_LIST is answered entry by
 * entry as the manager reads, and nothing else is taken meanwhile: the queue of a
 * socket holds hundreds of answers, the table thousands.
 */
#include "spawn/spawn.h"

#include <errno.h>
#include <signal.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "wire/ipc_spawn.h"

#define ANSWER_MAX 64

struct request {
	struct spawn *spawn;
	uint32_t tag;
};

static struct spawn_uuid get_uuid(struct ipc_in *in)
{
	struct spawn_uuid uuid;

	uuid.high = cursor_get_u64(&in->body);
	uuid.low = cursor_get_u64(&in->body);
	return uuid;
}

static void put_uuid(struct ipc_out *out, struct spawn_uuid uuid)
{
	cursor_put_u64(&out->body, uuid.high);
	cursor_put_u64(&out->body, uuid.low);
}

static struct ipc_out begin_answer(uint32_t op, uint8_t *bytes, uint32_t tag, int error)
{
	struct ipc_out out = ipc_out(op, bytes, ANSWER_MAX);

	cursor_put_u32(&out.body, tag);
	cursor_put_u32(&out.body, (uint32_t)-error);
	return out;
}

static int answer(struct request *request, uint32_t op, int error)
{
	uint8_t bytes[ANSWER_MAX];
	struct ipc_out out = begin_answer(op, bytes, request->tag, error);

	return ipc_send(request->spawn->manager, &out);
}

/*
 * With all of an entry's descriptors. The kernel refuses a pocket whose connection
 * its client has nested too deep with descriptors of his own: then spawn alone keeps them.
 */
static int send_entry(const struct spawn *spawn, struct ipc_out *out,
		      const struct spawn_entry *entry)
{
	struct ipc_out whole;
	int r;

	ipc_put_fd(out, entry->channel);
	whole = *out;
	life_put(&whole, &entry->life);
	r = ipc_send(spawn->manager, &whole);
	return r == -ETOOMANYREFS ? ipc_send(spawn->manager, out) : r;
}

static bool is_request(const struct ipc_in *in, const struct spawn_start *start)
{
	const struct life *life = &start->life;

	return ipc_ended(in) && start->count <= 2 && (start->uuid.high || start->uuid.low) &&
	       !(start->flags & ~(uint32_t)SPAWN_START_IDLE) &&
	       (!life_is_there(life) || (start->count > 1) == (life->journal >= 0));
}

/* The child has copies of what it serves. */
static void end_start(struct spawn_start *start)
{
	close_fdp(&start->links[0]);
	close_fdp(&start->links[1]);
	life_close(&start->life);
}

static int on_start(void *context, struct ipc_in *in)
{
	struct request *request = context;
	struct spawn *spawn = request->spawn;
	struct spawn_entry *entry = NULL;
	struct spawn_start start;
	uint8_t bytes[ANSWER_MAX];
	struct ipc_out out;
	int r;

	request->tag = cursor_get_u32(&in->body);
	start.uuid = get_uuid(in);
	start.instance = cursor_get_u64(&in->body);
	start.flags = cursor_get_u32(&in->body);
	start.count = cursor_get_u8(&in->body);
	for (unsigned int i = 0; i < 2; i++)
		start.links[i] = i < start.count ? ipc_get_fd(in) : -1;
	start.life = life_get(in);
	if (!is_request(in, &start)) {
		end_start(&start);
		return -EPROTO;
	}
	r = spawn->ending ? -ECANCELED : spawn_start(spawn, &start, &entry);
	end_start(&start);
	out = begin_answer(SPAWN_STARTED, bytes, request->tag, r);
	cursor_put_u32(&out.body, entry ? (uint32_t)entry->pid : 0);
	return entry ? send_entry(spawn, &out, entry) : ipc_send(spawn->manager, &out);
}

static int on_list(void *context, struct ipc_in *in)
{
	struct request *request = context;
	struct spawn *spawn = request->spawn;

	spawn->list_tag = cursor_get_u32(&in->body);
	if (!ipc_ended(in))
		return -EPROTO;
	spawn->listing = true;
	spawn->list_next = 0;
	return 0;
}

static int on_signal(void *context, struct ipc_in *in)
{
	struct request *request = context;
	struct spawn_entry *entry;
	struct spawn_uuid uuid;
	uint32_t number;

	request->tag = cursor_get_u32(&in->body);
	uuid = get_uuid(in);
	number = cursor_get_u32(&in->body);
	if (!ipc_ended(in) || (number != SIGTERM && number != SIGKILL && number != SIGURG))
		return -EPROTO;
	entry = spawn_table_find(&request->spawn->table, uuid);
	if (!entry || !entry->pid)
		return answer(request, SPAWN_SIGNALLED, -ESRCH);
	return answer(request, SPAWN_SIGNALLED, kill(entry->pid, (int)number) ? -errno : 0);
}

static int on_forget(void *context, struct ipc_in *in)
{
	struct request *request = context;
	struct spawn *spawn = request->spawn;
	struct spawn_entry *entry;
	struct spawn_uuid uuid;

	request->tag = cursor_get_u32(&in->body);
	uuid = get_uuid(in);
	if (!ipc_ended(in))
		return -EPROTO;
	entry = spawn_table_find(&spawn->table, uuid);
	if (entry && entry->pid)
		return answer(request, SPAWN_FORGOTTEN, -EBUSY);
	if (entry && entry->unreported)
		spawn->unreported--;
	if (entry)
		spawn_table_remove(&spawn->table, entry);
	return answer(request, SPAWN_FORGOTTEN, 0);
}

static int on_end(void *context, struct ipc_in *in)
{
	struct request *request = context;

	request->tag = cursor_get_u32(&in->body);
	if (!ipc_ended(in))
		return -EPROTO;
	spawn_begin_end(request->spawn);
	return answer(request, SPAWN_ENDING, 0);
}

static int on_leave(void *context, struct ipc_in *in)
{
	struct request *request = context;
	struct spawn *spawn = request->spawn;

	request->tag = cursor_get_u32(&in->body);
	if (!ipc_ended(in))
		return -EPROTO;
	spawn_leave(spawn);
	return answer(request, SPAWN_LEAVING, spawn->leaving ? 0 : -ECANCELED);
}

/* There is one state: whoever is connected is the manager. */
static const struct ipc_permit permits[] = {
	{ SPAWN_START, 1, on_start },	{ SPAWN_LIST, 1, on_list }, { SPAWN_SIGNAL, 1, on_signal },
	{ SPAWN_FORGET, 1, on_forget }, { SPAWN_END, 1, on_end },   { SPAWN_LEAVE, 1, on_leave },
};

int spawn_request(struct spawn *spawn)
{
	struct request request = { .spawn = spawn };
	uint8_t bytes[SPAWN_REQUEST_MAX];
	struct ipc_in in;
	int r;

	r = ipc_receive(spawn->manager, bytes, sizeof(bytes), false, &in);
	if (r)
		return r;
	r = ipc_dispatch(permits, sizeof(permits) / sizeof(permits[0]), 1, &request, &in);
	ipc_in_done(&in);
	/* An answer that finds no room is lost: that is no connection any more. */
	return r == -EAGAIN ? -ENOBUFS : r;
}

int spawn_list_next(struct spawn *spawn)
{
	struct spawn_table *table = &spawn->table;
	const struct spawn_entry *entry = NULL;
	uint8_t bytes[ANSWER_MAX];
	struct ipc_out out;
	int r;

	while (spawn->list_next < table->end && !table->entries[spawn->list_next].used)
		spawn->list_next++;
	if (spawn->list_next < table->end)
		entry = &table->entries[spawn->list_next];

	out = begin_answer(SPAWN_ENTRY, bytes, spawn->list_tag, 0);
	put_uuid(&out, entry ? entry->uuid : (struct spawn_uuid){ 0 });
	cursor_put_u64(&out.body, entry ? entry->instance : 0);
	cursor_put_u32(&out.body, entry ? (uint32_t)entry->pid : 0);
	cursor_put_u32(&out.body, entry ? entry->status : 0);
	r = entry ? send_entry(spawn, &out, entry) : ipc_send(spawn->manager, &out);
	if (r)
		return r;
	spawn->list_next++;
	spawn->listing = entry != NULL;
	spawn->told = !entry;
	return 0;
}

int spawn_report_next(struct spawn *spawn)
{
	struct spawn_table *table = &spawn->table;

	for (size_t i = 0; i < table->end; i++) {
		struct spawn_entry *entry = &table->entries[i];
		uint8_t bytes[ANSWER_MAX];
		struct ipc_out out = ipc_out(SPAWN_EXITED, bytes, sizeof(bytes));
		int r;

		if (!entry->unreported)
			continue;
		put_uuid(&out, entry->uuid);
		cursor_put_u32(&out.body, (uint32_t)entry->ended);
		cursor_put_u32(&out.body, entry->status);
		r = ipc_send(spawn->manager, &out);
		if (r)
			return r;
		entry->unreported = false;
		spawn->unreported--;
		return 0;
	}
	return 0;
}

void spawn_signal_all(struct spawn *spawn, int number)
{
	for (size_t i = 0; i < spawn->table.end; i++)
		if (spawn->table.entries[i].pid)
			kill(spawn->table.entries[i].pid, number);
}
