// SPDX-License-Identifier: BSD-3-Clause
/*
 * Publish, commit, and back again.
 *
 *	publish		unit n+1 is current: new states, id, answer
 *	commit		its permanent state is durable, if it changed
 *	(answer)	only now, by the caller
 *
 * A command that can be run again (COMMAND_REPLAYS) is appended to unit n's log instead, with
 * its answer. Whoever puts unit n back runs the log again, and takes nothing but the same answers.
 *
 * Death before the publish: unit n, the command is delivered again and executed.
 * Death between: unit n+1 with a generation one above the durable one; whoever
 * resumes commits it and answers from it. Death later: unit n+1.
 *
 * A commit that failed for good takes the way back: unit n becomes current
 * again, and the TPM is put back into it. Its random generator is stirred, for
 * since unit n it may have given out numbers.
 */
#include "engine/engine.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/secret.h"
#include "engine/tpmlib.h"
#include "wire/command.h"
#include "wire/tpm.h"

int engine_open_unit(struct engine *engine, struct unit_plain **ret)
{
	const char *reason;
	int r = unit_open(&engine->unit, ret, &reason);

	return r == -EBADMSG ? engine_fails(engine, r, "quarantine: %s", reason) : r;
}

/* Return: 0; -EBADMSG (it is none that is logged, or has another answer now); as rm_run(). */
static int run_again(struct engine *engine, const struct unit_entry *entry)
{
	const struct command_attributes *attributes;
	uint8_t answer[RM_COMMAND_SIZE];
	struct tpm_command command;
	size_t length;
	int r;

	if (entry->locality > 4 ||
	    tpm_command_parse(entry->command, entry->command_length, &command))
		return -EBADMSG;
	attributes = command_find(command.code);
	if (!attributes || !(attributes->flags & COMMAND_REPLAYS))
		return -EBADMSG;
	r = rm_run(&engine->rm, entry->client, entry->locality, &command, attributes, answer,
		   &length);
	if (r)
		return r < 0 ? r : -EBADMSG;
	return length == entry->answer_length && secret_equal(answer, entry->answer, length)
		       ? 0
		       : -EBADMSG;
}

static int replay(struct engine *engine, const struct unit_plain *plain)
{
	struct cursor_in in = cursor_in(plain->log, plain->log_length);
	struct unit_entry entry;
	int r = 0;

	while (!r && unit_log_next(&in, &entry))
		r = run_again(engine, &entry);
	if (r == -EBADMSG)
		return engine_fails(engine, r, "quarantine: a command of the checkpoint's log, run "
					       "again, has another answer");
	return r;
}

int engine_put_back(struct engine *engine)
{
	_cleanup_(unit_close) struct unit_plain *plain = NULL;
	int r;

	r = engine_open_unit(engine, &plain);
	if (r)
		return r;
	r = tpmlib_resume(plain->permanent, plain->permanent_length, plain->volatile_state,
			  plain->volatile_length);
	if (r == -EBADMSG)
		return engine_fails(engine, r,
				    "quarantine: libtpms refuses the checkpoint's states");
	if (!r && rm_unpack(&engine->rm, plain->tables, plain->tables_length))
		return engine_fails(engine, -EBADMSG,
				    "quarantine: the checkpoint's tables or contexts were changed");
	return r ? r : replay(engine, plain);
}

int engine_ask_audits(struct engine *engine)
{
	int r = engine_order_audits(&engine->audits);

	/* The question drew no random numbers: no need to stir. */
	if (!r)
		r = engine_put_back(engine);
	return r == -EBADMSG ? -ENOTRECOVERABLE : r;
}

int engine_restore(struct engine *engine)
{
	int r;

	r = engine_put_back(engine);
	if (!r)
		r = engine_ask_audits(engine);
	if (!r)
		r = engine_order_stir();
	engine->unsettled = true;
	return r;
}

int engine_set_epoch(struct engine *engine, uint64_t epoch)
{
	engine->key.epoch = epoch;
	return unit_set_key(&engine->unit, &engine->key, engine->instance);
}

int engine_unit_back(struct engine *engine)
{
	int r = engine->forks ? engine_set_epoch(engine, engine->key.epoch - 1) : 0;

	engine->forks = false;
	return r ? r : unit_back(&engine->unit);
}

static int way_back(struct engine *engine, int error)
{
	int r;

	if (error == -EUCLEAN || error == -EPROTO || engine_unit_back(engine))
		return error;
	log_line("commit failed (errno %d), the state of before is back", -error);
	r = engine_restore(engine);
	if (r)
		return r == -EBADMSG ? -ENOTRECOVERABLE : r;
	return ENGINE_NOT_KEPT;
}

static int collect(struct engine *engine, struct unit_content *content)
{
	size_t length;
	const uint8_t *changed = tpmlib_permanent(&length);

	/* What has not changed under its new epoch has to be sealed under it all the same. */
	if (!changed && engine->former) {
		changed = engine->former;
		length = engine->former_length;
	}
	if (engine->unit.number)
		content->generation = unit_label(&engine->unit).generation;
	else
		content->generation = engine->record.generation;

	if (changed) {
		content->generation++;
		content->permanent = changed;
		content->permanent_length = length;
	} else if (!engine->unit.number) {
		content->envelope = engine->record.bytes;
		content->envelope_length = engine->record.length;
	}
	return changed != NULL;
}

int engine_append(struct engine *engine, uint64_t client, const struct tpm_command *command)
{
	const struct unit_entry entry = {
		.id = engine->link.frame.head.id,
		.client = client,
		.locality = (uint8_t)engine->link.frame.head.locality,
		.command = command->bytes,
		.command_length = command->size,
		.answer = engine->link.answer.response,
		.answer_length = engine->link.answer.head.size - sizeof(engine->link.answer.head),
	};

	return unit_append(&engine->unit, &entry);
}

int engine_publish(struct engine *engine, uint64_t id, bool ended)
{
	_cleanup_(tpmlib_blob_done) struct tpmlib_blob volatile_state = { 0 };
	uint8_t tables[RM_PACK_MAX];
	struct unit_content content = { .id = id, .ended = ended };
	struct unit_label label;
	int r, changed;

	r = tpmlib_volatile(&volatile_state);
	if (r)
		return r;
	content.volatile_state = volatile_state.bytes;
	content.volatile_length = volatile_state.length;
	content.tables = tables;
	content.tables_length = rm_pack(&engine->rm, tables, sizeof(tables));
	changed = collect(engine, &content);
	if (id) {
		content.answer = engine->link.answer.response;
		content.answer_length =
			engine->link.answer.head.size - sizeof(engine->link.answer.head);
	}

	r = unit_publish(&engine->unit, &content);
	if (r)
		return r;
	rm_published(&engine->rm);
	if (!changed)
		return 0;
	/* From the unit: the same bytes whoever commits them, now or after our death. */
	label = unit_label(&engine->unit);
	r = store_commit(engine->store, label.generation, label.envelope, label.envelope_length);
	if (r)
		return way_back(engine, r);
	engine->forks = false;
	tpmlib_permanent_taken();
	return 0;
}
