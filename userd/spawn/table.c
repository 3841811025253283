// SPDX-License-Identifier: BSD-3-Clause
/*
 * An array, searched from its beginning: 4096 comparisons take a few microseconds,
 * and an engine's start takes hundreds.
 */
#include "spawn/spawn.h"

#include "base/cleanup.h"

struct spawn_entry *spawn_table_find(struct spawn_table *table, struct spawn_uuid uuid)
{
	for (size_t i = 0; i < table->end; i++) {
		struct spawn_entry *entry = &table->entries[i];

		if (entry->used && entry->uuid.high == uuid.high && entry->uuid.low == uuid.low)
			return entry;
	}
	return NULL;
}

struct spawn_entry *spawn_table_find_pid(struct spawn_table *table, pid_t pid)
{
	for (size_t i = 0; i < table->end; i++)
		if (table->entries[i].used && table->entries[i].pid == pid)
			return &table->entries[i];
	return NULL;
}

struct spawn_entry *spawn_table_add(struct spawn_table *table, struct spawn_uuid uuid)
{
	for (size_t i = 0; i < SPAWN_ENTRIES_MAX; i++) {
		struct spawn_entry *entry = &table->entries[i];

		if (entry->used)
			continue;
		*entry = (struct spawn_entry){
			.used = true,
			.uuid = uuid,
			.life = LIFE_NONE,
			.channel = -1,
		};
		if (i >= table->end)
			table->end = i + 1;
		return entry;
	}
	return NULL;
}

void spawn_table_remove(struct spawn_table *table, struct spawn_entry *entry)
{
	life_close(&entry->life);
	close_fdp(&entry->channel);
	*entry = (struct spawn_entry){ 0 };
	while (table->end && !table->entries[table->end - 1].used)
		table->end--;
}
