// SPDX-License-Identifier: BSD-3-Clause
/*
 * One descriptor or five; see the header.
 */
#include "wire/life.h"

#include "base/cleanup.h"

#define OF_A_DEVICE 1
#define OF_A_STREAM 5

void life_close(struct life *life)
{
	close_fdp(&life->memory);
	close_fdp(&life->journal);
	close_fdp(&life->control_journal);
	close_fdp(&life->pocket[0]);
	close_fdp(&life->pocket[1]);
	*life = LIFE_NONE;
}

struct life life_take(struct life *life)
{
	struct life taken = *life;

	*life = LIFE_NONE;
	return taken;
}

void life_put(struct ipc_out *out, const struct life *life)
{
	if (life->memory < 0)
		return;
	ipc_put_fd(out, life->memory);
	if (life->journal < 0)
		return;
	ipc_put_fd(out, life->journal);
	ipc_put_fd(out, life->control_journal);
	ipc_put_fd(out, life->pocket[0]);
	ipc_put_fd(out, life->pocket[1]);
}

struct life life_get(struct ipc_in *in)
{
	unsigned int count = in->fd_count - in->fd_next;
	struct life life = LIFE_NONE;

	if (count && count != OF_A_DEVICE && count != OF_A_STREAM)
		in->body.bad = true;
	if (!count || in->body.bad)
		return life;
	life.memory = ipc_get_fd(in);
	if (count == OF_A_DEVICE)
		return life;
	life.journal = ipc_get_fd(in);
	life.control_journal = ipc_get_fd(in);
	life.pocket[0] = ipc_get_fd(in);
	life.pocket[1] = ipc_get_fd(in);
	return life;
}
