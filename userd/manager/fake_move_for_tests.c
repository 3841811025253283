// SPDX-License-Identifier: BSD-3-Clause
/*
 * Moves that only pretend. One thing is in the way of all of them for who looks: that the test
 * says so. Who asks stays until he is answered, in the loop's next round.
 */
#include <stdlib.h>

#include "base/text.h"
#include "manager/fake_for_tests.h"

struct asked {
	manager_moved_done done;
	manager_ca_done key;
	void *context;
	struct problem problem;
	struct manager_moved became;
};

static int answer(sd_event_source *source, void *context)
{
	static const uint8_t chain[] = { 0xc4 };
	const struct manager_ca ca = { .part = { { chain, sizeof(chain) } } };
	struct asked *asked = context;

	sd_event_source_unref(source);
	if (asked->key)
		asked->key(asked->context, NULL, &ca);
	else
		asked->done(asked->context, asked->problem.code ? &asked->problem : NULL,
			    &asked->became);
	free(asked);
	return 0;
}

static struct asked *ask(struct manager *fake, const char *name, bool look, void *context)
{
	struct asked *asked = calloc(1, sizeof(*asked));
	struct manager_moved *became = asked ? &asked->became : NULL;
	sd_event_source *source;

	if (!asked || sd_event_add_defer(fake->event, &source, answer, asked) < 0)
		abort();
	asked->context = context;
	text_cut(became->name, sizeof(became->name), name);
	text_cut(became->host, sizeof(became->host), "other");
	if (look)
		problem_set(&became->blockers[became->blocker_count++], PROBLEM_CONFLICT,
			    "do as the test says", "it is in the way of '%s'", name);
	return asked;
}

void manager_move_key(struct manager *fake, manager_ca_done done, void *context)
{
	ask(fake, "", false, context)->key = done;
}

void manager_export(struct manager *fake, const char *name, const struct manager_export *what,
		    manager_moved_done done, void *context)
{
	static const uint8_t bytes[] = { 0x4d, 0x4f, 0x56, 0x45 };
	struct asked *asked = ask(fake, name, what->look, context);

	asked->done = done;
	fake->exported = *what;
	if (!fake_find(fake, name))
		problem_set(&asked->problem, PROBLEM_NOT_FOUND, NULL, "there is no vTPM '%s'",
			    name);
	if (what->look)
		return;
	asked->became.head = (struct manager_bytes){ bytes, 2 };
	asked->became.envelope = (struct manager_bytes){ bytes + 2, 2 };
}

void manager_import(struct manager *fake, const struct manager_import *what,
		    manager_moved_done done, void *context)
{
	ask(fake, what->what.name, what->look, context)->done = done;
	fake->imported = *what;
}
