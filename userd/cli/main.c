// SPDX-License-Identifier: BSD-3-Clause
/*
 * vtpmctl: birth and death.
 *
 * This process is trusted with what a person types or shall write down: an owner password,
 * a recovery code. It lives for one command, runs with the rights of who called it, and
 * passes secrets on in sealed boxes alone. None is ever in its arguments, its
 * environment or its output, and no core file is made of it.
 */
#include "cli/cli.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <curl/curl.h>

#include "cli/report.h"

/* Others have a limit that the first library is above; ask.c locks the secrets themselves. */
static void protect(void)
{
	const struct rlimit none = { 0, 0 };

	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
	if (!geteuid())
		mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}

/* What was printed and got lost must not look like success. */
static enum cli_exit flush(const struct cli *cli, enum cli_exit status)
{
	if (!ferror(stdout) && !fflush(stdout))
		return status;
	return status ? status
		      : report(cli, report_problem("internal", "see where the output goes",
						   "it was done, but cannot be printed"));
}

int main(int argc, char **argv)
{
	enum cli_exit status;
	struct cli cli;

	protect();
	setvbuf(stderr, NULL, _IOLBF, 0);
	status = cli_options_parse(&cli, argc, argv);
	if (status)
		return status;
	curl_global_init(CURL_GLOBAL_NOTHING);
	status = flush(&cli, cli_command_run(&cli));
	curl_global_cleanup();
	return status;
}
