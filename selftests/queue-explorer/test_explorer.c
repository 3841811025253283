// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every state that driver/queue.c can reach with a few requests and two servers.
 *
 * Breadth first: take a state, try every operation on it, and keep what comes out if it has
 * not been there before. The rules are checked after every operation, and what breaks one
 * is told with the shortest way to it. A bound is small, but complete: whatever goes wrong
 * with its number of requests, in any order of any calls, is found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rules.h"

#define NO_STATE UINT32_MAX

/**
 * struct state - one that has been reached
 * @world: a copy, until its successors are known
 * @parent: state before it
 * @operation: that led from there to here
 * @next: in the same bucket of the hash table
 * @key: what tells it from others
 */
struct state {
	struct world *world;
	u32 parent;
	u32 operation;
	u32 next;
	u8 key[KEY_SIZE];
};

#define BUCKETS (1u << 20)

static struct operation operations[MAX_OPERATIONS];
static u32 n_operations;
static struct state *states;
static u32 n_states, room;
static u32 buckets[BUCKETS];
static u64 transitions;
/* Where the exploration stands. */
static u32 from_state, by_operation;

static void show_way(u32 state)
{
	char text[64];

	if (states[state].parent == NO_STATE)
		return;
	show_way(states[state].parent);
	printf("  %s\n", operation_text(&operations[states[state].operation], text));
}

static void broken(const char *rule)
{
	char text[64];

	printf("from an empty queue:\n");
	show_way(from_state);
	printf("  %s\n", operation_text(&operations[by_operation], text));
	fail_msg("broken: %s", rule);
}

static u32 hash(const u8 *key)
{
	u64 h = 14695981039346656037ull;

	for (u32 i = 0; i < KEY_SIZE; i++)
		h = (h ^ key[i]) * 1099511628211ull;
	return (h ^ h >> 32) % BUCKETS;
}

/* Keep the world as it is, unless it is known. */
static void keep(void)
{
	struct state *state;
	u8 key[KEY_SIZE];
	u32 bucket;

	world_key(key);
	bucket = hash(key);
	for (u32 i = buckets[bucket]; i != NO_STATE; i = states[i].next)
		if (!memcmp(states[i].key, key, KEY_SIZE))
			return;
	if (n_states == room) {
		room = room ? 2 * room : 4096;
		states = realloc(states, room * sizeof(*states));
		assert_non_null(states);
	}
	state = &states[n_states];
	state->world = malloc(sizeof(world));
	assert_non_null(state->world);
	world_save(state->world);
	state->parent = n_states ? from_state : NO_STATE;
	state->operation = by_operation;
	state->next = buckets[bucket];
	memcpy(state->key, key, KEY_SIZE);
	buckets[bucket] = n_states++;
}

static void try(const struct operation *operation)
{
	struct before before;
	struct outcome outcome;

	if (!operation_allowed(operation))
		return;
	rules_note(&before);
	outcome = operation_perform(operation);
	rules_step(&before, operation, &outcome, broken);
	rules_state(broken);
	world_normalise();
	transitions++;
	keep();
}

static void explore(const struct bound *of)
{
	n_states = 0;
	transitions = 0;
	from_state = by_operation = 0;
	memset(buckets, 0xff, sizeof(buckets));
	world_begin(of);
	n_operations = operation_list(operations);
	keep();
	for (from_state = 0; from_state < n_states; from_state++) {
		struct world *start = states[from_state].world;

		for (by_operation = 0; by_operation < n_operations; by_operation++) {
			world_restore(start);
			try(&operations[by_operation]);
		}
		free(start);
		states[from_state].world = NULL;
	}
	printf("%s: %u states, %llu transitions\n", of->name, n_states,
	       (unsigned long long)transitions);
}

static void test_two_commands_and_open(void **state)
{
	static const struct bound of = {
		.name = "two commands and an OPEN",
		.slots = 3,
		.kind = { VTPM_FRAME_COMMAND, VTPM_FRAME_COMMAND, VTPM_FRAME_OPEN },
		.bound_ms = { TICK_MS, TICK_MS, TICK_MS },
	};

	(void)state;
	explore(&of);
}

static void test_command_open_and_close(void **state)
{
	static const struct bound of = {
		.name = "a command, an OPEN and a CLOSE",
		.slots = 3,
		.kind = { VTPM_FRAME_COMMAND, VTPM_FRAME_OPEN, VTPM_FRAME_CLOSE },
		.bound_ms = { TICK_MS, TICK_MS, TICK_MS },
	};

	(void)state;
	explore(&of);
}

static void test_two_commands_and_time(void **state)
{
	static const struct bound of = {
		.name = "a short and a long command, and time",
		.slots = 2,
		.kind = { VTPM_FRAME_COMMAND, VTPM_FRAME_COMMAND },
		.bound_ms = { TICK_MS, 2 * TICK_MS },
		.clock = true,
	};

	(void)state;
	explore(&of);
	free(states);
}

/* Means something after the others. */
static void test_every_row(void **state)
{
	u32 rows, seen_rows;

	(void)state;
	rows = rules_rows(&seen_rows);
	rules_show_unseen();
	printf("%u of %u rows of the table seen\n", seen_rows, rows);
	assert_int_equal(seen_rows, rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_commands_and_open),
		cmocka_unit_test(test_command_open_and_close),
		cmocka_unit_test(test_two_commands_and_time),
		cmocka_unit_test(test_every_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
