// SPDX-License-Identifier: BSD-3-Clause
/*
 * Why an engine ends: a sentence for the operator, and a status for whoever decides
 * what to do about it. Of several sentences the first is the reason; the others
 * are what came of it.
 */
#include "engine/engine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"

int engine_fails(struct engine *engine, int error, const char *format, ...)
{
	char sentence[IPC_TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	log_line("%s", sentence);
	if (!engine->reason[0])
		snprintf(engine->reason, sizeof(engine->reason), "%s", sentence);
	return error;
}

const char *engine_reason(const struct engine *engine, int error)
{
	if (error >= 0)
		return "";
	if (engine->reason[0])
		return engine->reason;
	switch (error) {
	case -ENOTRECOVERABLE:
		return "libtpms went into failure mode";
	case -EPIPE:
		return "the other side of the link is gone";
	case -EUCLEAN:
		return "nobody can tell whether the last commit is durable";
	case -EPROTO:
		return "what came is no frame or no message";
	case -ENOMEM:
		return "there is no memory";
	default:
		return "something unexpected; the log of vtpm-spawn may say more";
	}
}

enum engine_exit engine_exit_status(int error)
{
	switch (error) {
	case 0:
		return ENGINE_EXIT_OK;
	case ENGINE_LEAVES:
		return ENGINE_EXIT_LEFT;
	case -ESTALE:
		return ENGINE_EXIT_STALE;
	case -EBADMSG:
		return ENGINE_EXIT_QUARANTINE;
	case -ENODATA:
		return ENGINE_EXIT_NO_STATE;
	case -ENOTRECOVERABLE:
		return ENGINE_EXIT_TPM;
	case -EPIPE:
		return ENGINE_EXIT_DETACHED;
	case -EUCLEAN:
		return ENGINE_EXIT_STORE;
	case -ENOKEY:
		return ENGINE_EXIT_KEY;
	default:
		return ENGINE_EXIT_ERROR;
	}
}
