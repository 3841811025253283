// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz the readers of the API's request bodies. What must hold besides memory safety: what is
 * taken is in range and ends where it must, what is refused is refused with a reason, and
 * that reason can always be told as JSON.
 *
 * The first byte says which body it is.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "manager/api_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool what)
{
	if (!what)
		abort();
}

static void refused(const struct problem *problem)
{
	json_t *told = api_json_problem(problem_http_status(problem->code),
					problem_name(problem->code), problem->detail,
					problem->next);
	char *text = told ? json_dumps(told, JSON_COMPACT) : NULL;

	hold(problem->code == PROBLEM_INVALID && problem->detail[0] && text);
	free(text);
	json_decref(told);
}

static void create(const char *body, size_t length)
{
	struct manager_create what = { .uid = 1000, .gid = 1000 };
	struct problem problem;

	if (!api_json_create(&what, body, length, &problem)) {
		refused(&problem);
		return;
	}
	hold(memchr(what.name, '\0', sizeof(what.name)) && api_name_valid(what.name));
	hold(api_front_name(what.front) && what.mode && what.mode <= 0777);
	hold(what.uid != (uid_t)-1 && what.gid != (gid_t)-1);
	hold(what.front != VTPM_FRONT_CHIP || (!what.uid && !what.gid));
	for (unsigned int algorithm = 0; algorithm < 32; algorithm++)
		hold(!(what.banks & (uint32_t)1 << algorithm) || api_bank_name(algorithm));
}

static void init(const char *body, size_t length)
{
	struct manager_host_init what;
	struct problem problem;

	if (!api_json_host_init(&what, body, length, &problem)) {
		refused(&problem);
		return;
	}
	hold(what.pcrs < 1u << 24 && what.recovery_public[0] == 4);
	hold(what.box_length <= sizeof(what.box));
}

static void unlock(const char *body, size_t length)
{
	struct problem problem;
	struct manager_host_unlock what;

	if (!api_json_unlock(&what, body, length, &problem))
		refused(&problem);
	else
		hold(what.box_length && what.box_length <= sizeof(what.box));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problem problem;
	const char *body;

	if (!size)
		return 0;
	body = (const char *)data + 1;
	switch (data[0] % 4) {
	case 0:
		create(body, size - 1);
		break;
	case 1:
		init(body, size - 1);
		break;
	case 2:
		unlock(body, size - 1);
		break;
	default:
		if (!api_json_nothing(body, size - 1, &problem))
			refused(&problem);
	}
	return 0;
}
