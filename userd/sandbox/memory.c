// SPDX-License-Identifier: BSD-3-Clause
/*
 * Locking memory, so that secrets never reach swap.
 *
 * A process on its own locks all it has. Most of an engine's is mapped from files, has no
 * secrets, and costs a tenth of its start to lock. A zygote knows what else its
 * children have: the mappings it can write itself. They lock these, and all they map later.
 */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* What malloc may still need once everything is locked. */
#define AIR (8u << 20)

/* A zygote has some sixty mappings, of a hundred bytes each. */
#define MAPS_MAX (32u << 10)

/* Return: false: this is no line "from-to rw.. ...". */
static bool take_line(const char *line, struct sandbox_memory *memory)
{
	unsigned long from, to;
	char *end;

	from = strtoul(line, &end, 16);
	if (*end != '-')
		return false;
	to = strtoul(end + 1, &end, 16);
	if (*end != ' ' || to <= from)
		return false;
	if (end[2] != 'w')
		return true;
	if (memory->count == SANDBOX_RANGES)
		return false;
	memory->range[memory->count++] = (struct sandbox_range){ from, to - from };
	return true;
}

int sandbox_memory_look(int maps, struct sandbox_memory *ret)
{
	static char text[MAPS_MAX];
	struct sandbox_memory memory = { 0 };
	size_t length = 0;
	ssize_t n;

	while ((n = read(maps, text + length, sizeof(text) - 1 - length)) > 0)
		length += (size_t)n;
	if (n < 0)
		return -errno;
	if (length == sizeof(text) - 1)
		return -E2BIG;
	text[length] = '\0';
	for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
		if (!strchr(line, '\n') || !take_line(line, &memory))
			return -E2BIG;
	}
	*ret = memory;
	return 0;
}

/* As they are touched, so that what is never used costs nothing. */
static bool lock_all(const struct sandbox_memory *written)
{
	int flags = MCL_FUTURE | MCL_ONFAULT;

	if (!written || !written->count)
		return !mlockall(flags | MCL_CURRENT);
	if (mlockall(flags))
		return false;
	for (unsigned int i = 0; i < written->count; i++) {
		const struct sandbox_range *range = &written->range[i];

		if (mlock2((const void *)range->from, range->length, MLOCK_ONFAULT))
			return false;
	}
	return true;
}

/*
 * A limit that is nearly used up is worse than none: malloc would fail in the middle of a
 * command. So there must be air left, or nothing is locked.
 */
void sandbox_memory_lock(const struct sandbox_memory *written, void (*warn)(const char *line))
{
	struct rlimit locked;
	void *air = MAP_FAILED;

	if (!getrlimit(RLIMIT_MEMLOCK, &locked)) {
		locked.rlim_cur = locked.rlim_max;
		setrlimit(RLIMIT_MEMLOCK, &locked);
	}
	if (lock_all(written))
		air = mmap(NULL, AIR, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (air == MAP_FAILED) {
		munlockall();
		warn("cannot lock memory, secrets may reach swap: raise RLIMIT_MEMLOCK");
		return;
	}
	munmap(air, AIR);
}
