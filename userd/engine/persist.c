// SPDX-License-Identifier: BSD-3-Clause
/*
 * Publish, commit, and back again.
 *
 *	publish		unit n+1 is current: new states, id, answer
 *	commit		its permanent state is durable, if it changed
 *	(answer)	only now, by the caller
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
#include "engine/tpmlib.h"

int engine_open_unit(struct engine *engine, struct unit_plain **ret)
{
	const char *reason;
	int r = unit_open(&engine->unit, ret, &reason);

	return r == -EBADMSG ? engine_fails(engine, r, "quarantine: %s", reason) : r;
}

static int put_back(struct engine *engine)
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
	return r;
}

int engine_ask_audits(struct engine *engine)
{
	int r = engine_order_audits(&engine->audits);

	/* The question drew no random numbers: no need to stir. */
	if (!r)
		r = put_back(engine);
	return r == -EBADMSG ? -ENOTRECOVERABLE : r;
}

int engine_restore(struct engine *engine)
{
	int r;

	r = put_back(engine);
	if (!r)
		r = engine_ask_audits(engine);
	if (!r)
		r = engine_order_stir();
	engine->unsettled = true;
	return r;
}

static int way_back(struct engine *engine, int error)
{
	int r;

	if (error == -EUCLEAN || error == -EPROTO || unit_back(&engine->unit))
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
	tpmlib_permanent_taken();
	return 0;
}
