// SPDX-License-Identifier: GPL-2.0-only
/* Wrong on purpose. Each kind but drop-flag must end in a violation or a refusing engine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sabotage.h"

/* Far above any id that the queue will give out. */
#define STRANGE_ID (1ull << 40)
/* Let some engines come and go before, so that there is something to lose. */
#define YOUNG 10

int sabotage_kind(const char *name)
{
	static const char *const names[_SABOTAGE_MAX] = {
		[SABOTAGE_NONE] = "none",
		[SABOTAGE_NEW_ID] = "new-id",
		[SABOTAGE_DROP_FLAG] = "drop-flag",
		[SABOTAGE_REPLAY] = "replay",
		[SABOTAGE_LOSE] = "lose",
		[SABOTAGE_OLD_CHECKPOINT] = "old-checkpoint",
		[SABOTAGE_OLD_STORE] = "old-store",
		[SABOTAGE_OLD_BOTH] = "old-both",
		[SABOTAGE_STALE_INSTANCE] = "stale-instance",
	};

	for (int i = 0; i < _SABOTAGE_MAX; i++)
		if (!strcmp(names[i], name))
			return i;
	return -1;
}

static void take_copy(struct copy *copy, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		abort();
	copy->size = st.st_size;
	copy->bytes = realloc(copy->bytes, copy->size + 1);
	if (!copy->bytes || pread(fd, copy->bytes, copy->size, 0) != (ssize_t)copy->size)
		abort();
}

static void put_back(const struct copy *copy, int fd)
{
	if (pwrite(fd, copy->bytes, copy->size, 0) != (ssize_t)copy->size)
		abort();
}

/* Between two engines. */
void sabotage_restart(struct sabotage *sabotage, struct engine *engine)
{
	bool checkpoint = sabotage->kind == SABOTAGE_OLD_CHECKPOINT;
	bool store = sabotage->kind == SABOTAGE_OLD_STORE;

	if (sabotage->kind == SABOTAGE_OLD_BOTH)
		checkpoint = store = true;
	sabotage->age++;
	if (sabotage->kind == SABOTAGE_STALE_INSTANCE && sabotage->age > YOUNG)
		engine->instance ^= 1;
	if (!checkpoint && !store)
		return;

	if (sabotage->age == YOUNG) {
		take_copy(&sabotage->checkpoint, engine->checkpoint_fd);
		take_copy(&sabotage->store, engine->state_fd);
	} else if (sabotage->age == 2 * YOUNG) {
		if (checkpoint)
			put_back(&sabotage->checkpoint, engine->checkpoint_fd);
		if (store)
			put_back(&sabotage->store, engine->state_fd);
	}
}

/* Between taking a frame and sending it. */
void sabotage_frame(struct sabotage *sabotage, struct frame *frame)
{
	bool again = frame->head.flags & VTPM_FRAME_REDELIVERED;

	if (again && sabotage->kind == SABOTAGE_NEW_ID) {
		frame->head.flags = 0;
		frame->head.id |= STRANGE_ID;
	}
	if (sabotage->kind == SABOTAGE_DROP_FLAG)
		frame->head.flags &= ~VTPM_FRAME_REDELIVERED;
}

/* After an answer: send @frame once more? */
bool sabotage_replays(struct sabotage *sabotage, struct frame *frame)
{
	if (sabotage->kind != SABOTAGE_REPLAY || sabotage->age < YOUNG ||
	    !rng_percent(&sabotage->rng, 5))
		return false;
	frame->head.id |= STRANGE_ID;
	return true;
}

/* Before a command is sent: answer it with sabotage->answer instead? */
bool sabotage_loses(struct sabotage *sabotage, u32 cc)
{
	return sabotage->kind == SABOTAGE_LOSE && sabotage->age >= YOUNG &&
	       sabotage->answer.head.size && sabotage->cc == cc && rng_percent(&sabotage->rng, 20);
}
