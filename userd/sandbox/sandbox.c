// SPDX-License-Identifier: BSD-3-Clause
/*
 * The fixed order; see the header.
 */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/cleanup.h"

/* Standard ones, a link, a state file, a checkpoint, two connections: and some air. */
#define SANDBOX_FILES 16

/* Far above a state file, and above a log that standard error may lead to. */
#define SANDBOX_FILE_MAX (64u << 20)

static int limit(int resource, rlim_t value)
{
	struct rlimit now, lower;

	if (getrlimit((__rlimit_resource_t)resource, &now))
		return -errno;
	if (value > now.rlim_max)
		value = now.rlim_max;
	lower = (struct rlimit){ .rlim_cur = value, .rlim_max = value };
	return setrlimit((__rlimit_resource_t)resource, &lower) ? -errno : 0;
}

static int limits(unsigned int files)
{
	int r;

	r = limit(RLIMIT_CORE, 0);
	if (!r)
		r = limit(RLIMIT_NOFILE, files ? files : SANDBOX_FILES);
	if (!r)
		r = limit(RLIMIT_NPROC, 0);
	if (!r)
		r = limit(RLIMIT_FSIZE, SANDBOX_FILE_MAX);
	return r;
}

int sandbox_prepare(const struct sandbox_profile *profile, struct sandbox *ret)
{
	struct sandbox sandbox = {
		.ruleset = sandbox_ruleset(profile->service),
		.files = profile->service ? profile->service->files : profile->files,
	};
	int r;

	if (sandbox.ruleset < -1)
		return sandbox.ruleset;
	r = sandbox_filter(profile, &sandbox.filter, &sandbox.length);
	if (r)
		sandbox_done(&sandbox);
	else
		*ret = sandbox;
	return r;
}

void sandbox_done(struct sandbox *sandbox)
{
	free(sandbox->filter);
	close_fdp(&sandbox->ruleset);
	*sandbox = (struct sandbox){ .ruleset = -1 };
}

int sandbox_enter_prepared(const struct sandbox *sandbox, int ruleset)
{
	int r;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	r = limits(sandbox->files);
	if (r)
		return r;
	if (ruleset >= 0)
		r = sandbox_restrict(ruleset);
	return r ? r : sandbox_load(sandbox->filter, sandbox->length);
}

int sandbox_enter(const struct sandbox_profile *profile)
{
	_cleanup_(sandbox_done) struct sandbox sandbox = { .ruleset = -1 };
	int r;

	r = sandbox_prepare(profile, &sandbox);
	if (r)
		return r;
	if (sandbox.ruleset < 0)
		profile->warn("this kernel has no Landlock, seccomp alone keeps paths away");
	sandbox_memory_lock(NULL, profile->warn);
	return sandbox_enter_prepared(&sandbox, sandbox.ruleset);
}

int sandbox_enter_zygote(const struct sandbox_profile *profile)
{
	_cleanup_(sandbox_done) struct sandbox sandbox = { .ruleset = -1 };
	int r;

	r = sandbox_prepare(profile, &sandbox);
	if (r)
		return r;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	if (sandbox.ruleset >= 0)
		r = sandbox_restrict(sandbox.ruleset);
	return r ? r : sandbox_load(sandbox.filter, sandbox.length);
}
